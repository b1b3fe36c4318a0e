from collections.abc import Sequence

import pytest

from chains.errors import InternalError, ModelInterruptedError, ModelUnavailableError
from chains.fallback import first_answering
from chains.turn import Answering, Completed, Piece, Rung, Text, Turn, Usage
from tests.fakes.scripted_pieces import ScriptedPieces

SECOND: Sequence[Piece] = (
    Answering(Rung.EXTRACTIVE, "none"),
    Text("From the documents."),
    Completed("stop", Usage()),
)


async def climb(turn: Turn, *rungs: ScriptedPieces) -> list[Piece]:
    ladder = first_answering([rung.runnable() for rung in rungs])
    return [piece async for piece in ladder.astream(turn)]


async def test_the_first_rung_that_speaks_is_the_answer(turn: Turn) -> None:
    """A rung that answers keeps the turn; no other is asked."""
    first = ScriptedPieces([Answering(Rung.PRIMARY, "q"), Text("Hi."), Completed("stop", Usage())])
    second = ScriptedPieces(SECOND)

    pieces = await climb(turn, first, second)

    assert first.pieces == pieces
    assert not second.asked


async def test_a_failure_before_the_first_word_asks_the_next_rung(turn: Turn) -> None:
    """Nothing of the failed rung is seen, not even that it tried."""
    first = ScriptedPieces([Answering(Rung.PRIMARY, "q")], ModelUnavailableError("down"))

    assert list(SECOND) == await climb(turn, first, ScriptedPieces(SECOND))


async def test_an_empty_answer_asks_the_next_rung(turn: Turn) -> None:
    """A rung that completes without a word gave nothing."""
    first = ScriptedPieces([Answering(Rung.PRIMARY, "q"), Completed("stop", Usage())])

    assert list(SECOND) == await climb(turn, first, ScriptedPieces(SECOND))


async def test_what_was_said_is_never_said_again(turn: Turn) -> None:
    """After the first words a failure is passed on and no other rung starts over."""
    first = ScriptedPieces([Text("Half an ans")], ModelInterruptedError("cut"))
    second = ScriptedPieces(SECOND)

    with pytest.raises(ModelInterruptedError):
        await climb(turn, first, second)
    assert not second.asked


async def test_the_last_rungs_failure_is_everybodys(turn: Turn) -> None:
    """When every rung fails, the last one's error is raised."""
    down = ScriptedPieces([], ModelUnavailableError("first"))
    last = ScriptedPieces([], ModelUnavailableError("last"))

    with pytest.raises(ModelUnavailableError, match="last"):
        await climb(turn, down, last)


def test_a_ladder_has_rungs() -> None:
    """A ladder without rungs is refused when it is built."""
    with pytest.raises(InternalError):
        first_answering([])
