"""Telling what was read before the answer begins."""

from collections.abc import AsyncIterator

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.events import SourceItem, Sources
from chains.streams import closing
from chains.turn import Passage, Piece, Retrieved, Turn

_SNIPPET_CHARS = 240


def announced(answer: Runnable[Turn, Piece]) -> Runnable[Turn, Piece]:
    """Build the stage that puts the turn's passages before the pieces of its answer."""

    async def pieces(turns: AsyncIterator[Turn]) -> AsyncIterator[Piece]:
        async for turn in turns:
            yield Retrieved(turn.passages, turn.screened)
            async with closing(answer.astream(turn)) as stream:
                async for piece in stream:
                    yield piece

    return RunnableGenerator(pieces, name="announced")


def sources(passages: tuple[Passage, ...]) -> Sources:
    """The event that lists passages under the numbers the answer cites them by."""
    return Sources(
        items=tuple(
            SourceItem(
                n=n,
                id=passage.id,
                title=passage.title,
                url=passage.url,
                page=passage.page,
                snippet=passage.text[:_SNIPPET_CHARS],
                score=passage.score,
            )
            for n, passage in enumerate(passages, start=1)
        )
    )
