"""A model's side of the path that says what a test wrote down, and notes when it is stopped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.turn import Piece, Turn


@dataclass
class ScriptedPieces:
    """Yields `pieces`, then raises `error` if there is one."""

    pieces: Sequence[Piece]
    error: Exception | None = None
    delay: float = 0.0
    """Seconds before each piece."""
    asked: list[Turn] = field(default_factory=list)
    given: int = 0
    """Pieces handed out so far."""
    closed: int = 0
    """Times a stream was closed, at its end or before."""

    def runnable(self) -> Runnable[Turn, Piece]:
        """The stage."""

        async def stream(turns: AsyncIterator[Turn]) -> AsyncIterator[Piece]:
            async for turn in turns:
                self.asked.append(turn)
                try:
                    for piece in self.pieces:
                        await asyncio.sleep(self.delay)
                        self.given += 1
                        yield piece
                    if self.error is not None:
                        raise self.error
                finally:
                    self.closed += 1

        return RunnableGenerator(stream, name="scripted")
