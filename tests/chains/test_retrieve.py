import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from chains.retrieve import retrieve
from chains.turn import Exchange, Passage, Turn
from tests.fakes.turns import passage


@dataclass
class ScriptedRetriever:
    """Finds what a test says, as slowly as it says."""

    found: tuple[Passage, ...] = ()
    error: Exception | None = None
    seconds: float = 0.0
    asked: list[tuple[str, int, str]] = field(default_factory=list)

    async def search(self, query: str, *, limit: int, context: str) -> tuple[Passage, ...]:
        self.asked.append((query, limit, context))
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        return self.found


DEADLINE = timedelta(milliseconds=50)


async def test_passages_are_set_on_the_turn(turn: Turn) -> None:
    """What the retriever finds for the question is what the turn carries on."""
    retriever = ScriptedRetriever((passage(1, "one"), passage(2, "two")))

    result = await retrieve(retriever, limit=4, deadline=DEADLINE).ainvoke(turn)

    assert result == replace(turn, passages=retriever.found)
    assert retriever.asked == [(turn.question, 4, "")]


async def test_a_follow_up_is_searched_with_the_question_before(turn: Turn) -> None:
    """The stage searches what the question means in its conversation."""
    history = (Exchange("m", "How are appeals decided?", "So.", "stop", datetime.now(UTC)),)
    retriever = ScriptedRetriever()

    await retrieve(retriever, limit=4, deadline=DEADLINE).ainvoke(
        replace(turn, question="And by whom?", history=history)
    )

    assert retriever.asked == [("And by whom?", 4, "How are appeals decided?")]


async def test_a_failure_is_no_failure_of_the_turn(
    turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    """An index that breaks leaves the answer without passages, and no question in the log."""
    retriever = ScriptedRetriever(error=RuntimeError(f"cannot parse {turn.question}"))

    with caplog.at_level(logging.DEBUG, logger="chains"):
        result = await retrieve(retriever, limit=4, deadline=DEADLINE).ainvoke(turn)

    assert result == turn
    assert "RuntimeError" in caplog.text
    assert turn.question not in caplog.text


async def test_a_slow_search_is_not_waited_for(turn: Turn) -> None:
    """After its deadline the turn goes on without passages."""
    retriever = ScriptedRetriever((passage(1, "late"),), seconds=5)
    began = perf_counter()

    result = await retrieve(retriever, limit=4, deadline=DEADLINE).ainvoke(turn)

    assert result.passages == ()
    assert perf_counter() - began < 1


async def test_a_stopped_turn_stops_the_search(turn: Turn) -> None:
    """Cancelling is passed on, and not taken for a failure of the search."""
    stage = retrieve(ScriptedRetriever(seconds=5), limit=4, deadline=timedelta(seconds=5))
    task = asyncio.ensure_future(stage.ainvoke(turn))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_there_is_no_blocking_search(turn: Turn) -> None:
    """The stage refuses to be called where it would block."""
    with pytest.raises(NotImplementedError):
        retrieve(ScriptedRetriever(), limit=4, deadline=DEADLINE).invoke(turn)
