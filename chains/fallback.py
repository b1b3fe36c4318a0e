"""The fallback ladder: the next rung answers where one gave nothing."""

from collections.abc import AsyncIterator, Sequence

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.errors import InternalError, ModelUnavailableError
from chains.streams import closing
from chains.turn import Completed, Piece, Reasoning, Text, Turn


def first_answering(rungs: Sequence[Runnable[Turn, Piece]]) -> Runnable[Turn, Piece]:
    """Build the stage that tries each rung until one says something.

    A rung that fails before its first text or reasoning hands the turn to the next one; a rung
    that ends without any text gave nothing either. What has been said is never said again: after
    the first piece of text a failure is passed on.

    Args:
        rungs: Best first; at least one.

    Raises:
        ModelUnavailableError: When streaming, if the last rung failed too.
        ModelInterruptedError: When streaming, from the rung that had begun to answer.
    """
    if not rungs:
        raise InternalError("A fallback ladder needs at least one rung.")

    async def climb(turns: AsyncIterator[Turn]) -> AsyncIterator[Piece]:
        async for turn in turns:
            async with closing(_answer(rungs, turn)) as pieces:
                async for piece in pieces:
                    yield piece

    return RunnableGenerator(climb, name="first_answering")


async def _answer(rungs: Sequence[Runnable[Turn, Piece]], turn: Turn) -> AsyncIterator[Piece]:
    for rung in rungs[:-1]:
        answered = False
        try:
            async with closing(_from_first_words(rung, turn)) as pieces:
                async for piece in pieces:
                    answered = True
                    yield piece
        except ModelUnavailableError:
            if answered:
                raise
        if answered:
            return
    async with closing(rungs[-1].astream(turn)) as pieces:
        async for piece in pieces:
            yield piece


async def _from_first_words(rung: Runnable[Turn, Piece], turn: Turn) -> AsyncIterator[Piece]:
    """Stream a rung's pieces, from its first words on; nothing at all if it finds none."""
    silent: list[Piece] | None = []
    async with closing(rung.astream(turn)) as pieces:
        async for piece in pieces:
            if silent is None:
                yield piece
            elif isinstance(piece, Text | Reasoning):
                for earlier in silent:
                    yield earlier
                silent = None
                yield piece
            elif isinstance(piece, Completed):
                return
            else:
                silent.append(piece)
