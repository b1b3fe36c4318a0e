"""Closing what is iterated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close `stream` when the block is left, however it is left.

    `contextlib.aclosing` for iterators whose type does not promise an `aclose`, as LangChain's
    `astream` returns them. An iterator that is not closed keeps its model generating.
    """
    try:
        yield stream
    finally:
        aclose = getattr(stream, "aclose", None)
        if aclose is not None:
            await aclose()
