from dataclasses import replace

import pytest

from chains.cite import Citations
from chains.errors import ModelUnavailableError
from chains.extractive import extractive
from chains.turn import Answering, Completed, Piece, Rung, Text, Turn, Usage
from tests.fakes.turns import passage

PASSAGES = (
    passage(1, "Covenant answers under a constitution. Its principles are public."),
    passage(2, "A constitution may cite the article [3] of another one."),
)


async def pieces_of(turn: Turn, *, demo: bool) -> list[Piece]:
    return [piece async for piece in extractive(demo=demo).astream(turn)]


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


@pytest.fixture
def asked(turn: Turn) -> Turn:
    """A turn whose question the passages answer."""
    return replace(turn, question="What is a constitution?", passages=PASSAGES)


async def test_passages_are_quoted_with_their_numbers(asked: Turn) -> None:
    """The rung names itself, says what follows, quotes word for word, and costs nothing."""
    pieces = await pieces_of(asked, demo=True)

    assert pieces[0] == Answering(Rung.EXTRACTIVE, "none")
    assert pieces[-1] == Completed("stop", Usage(cost_usd=0.0))
    text = text_of(pieces)
    assert text.startswith("en:no_model en:extractive_intro\n\n")
    assert "**Document 1**" in text
    assert "Covenant answers under a constitution. Its principles are public.\u201d [1]" in text


async def test_every_quotation_is_cited_whole(asked: Turn) -> None:
    """The citation of a quotation spans all of its sentences, quotation marks included."""
    marks = Citations(PASSAGES)
    released, citations = marks.feed(text_of(await pieces_of(asked, demo=True)))
    rest, more = marks.flush()
    text = released + rest

    assert [(c.source_id, text[c.start : c.end]) for c in (*citations, *more)] == [
        ("p1", f"\u201c{PASSAGES[0].text}\u201d"),
        ("p2", "\u201cA constitution may cite the article (3) of another one.\u201d"),
    ]


async def test_below_a_failed_model_it_says_so(asked: Turn) -> None:
    """As the last rung its opening tells that the model cannot be reached."""
    assert text_of(await pieces_of(asked, demo=False)).startswith("en:degraded_extractive\n\n")


async def test_it_speaks_the_persons_language(asked: Turn) -> None:
    """The opening is Chinese for a Chinese question, without a blank between its sentences."""
    text = text_of(await pieces_of(replace(asked, language="zh"), demo=True))

    assert text.startswith("zh:no_modelzh:extractive_intro\n\n")


async def test_without_a_model_it_says_that_nothing_fits(turn: Turn) -> None:
    """Where the documents do not answer, that is the answer."""
    pieces = await pieces_of(turn, demo=True)

    assert text_of(pieces) == "en:no_model en:not_in_documents"
    assert isinstance(pieces[-1], Completed)


async def test_a_failed_model_and_no_documents_are_a_fault(turn: Turn) -> None:
    """The ladder has ended: an error that says when to try again, before anything was said."""
    with pytest.raises(ModelUnavailableError) as caught:
        await pieces_of(turn, demo=False)

    assert caught.value.retry_after is not None
    assert turn.question not in caught.value.message


async def test_a_listing_is_shown_as_it_is(turn: Turn) -> None:
    """Commands behind a quoted sentence follow it."""
    found = passage(1, "Start it like this:\n\n```sh\nmake run\n```")
    asked = replace(turn, question="How do I start it?", passages=(found,))

    assert text_of(await pieces_of(asked, demo=True)).endswith("[1]\n\n```sh\nmake run\n```")
