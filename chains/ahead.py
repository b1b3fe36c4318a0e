"""Running a stream ahead of its reader."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from chains.streams import closing

T = TypeVar("T")


class Ahead(Generic[T]):
    """Reads a stream in a task of its own, a bounded number of items ahead of its reader.

    The model generates while rails check: what has come meanwhile is handed over at once. When
    the reader falls behind by `limit` items the stream is made to wait. `aclose` stops the task
    and closes the stream, whatever state it is in.

    Args:
        stream: What to read; closed at the end.
        limit: Most items read and not yet taken.
    """

    def __init__(self, stream: AsyncIterator[T], *, limit: int) -> None:
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(limit)
        self._error: BaseException | None = None
        self._ended = False
        self._task = asyncio.create_task(self._read(stream))

    async def batch(self) -> list[T]:
        """Wait for the next item and return it with all that came with it, in order.

        Returns:
            An empty list when the stream has ended.

        Raises:
            Exception: Whatever the stream raised, once all items before it were taken.
        """
        items: list[T] = []
        if not self._ended:
            self._take(await self._queue.get(), items)
        while not self._ended and not self._queue.empty():
            self._take(self._queue.get_nowait(), items)
        if not items and self._error is not None:
            raise self._error
        return items

    async def aclose(self) -> None:
        """Stop reading and wait until the stream is closed. May be called twice."""
        if not self._task.done():
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _take(self, item: T | None, items: list[T]) -> None:
        if item is None:
            self._ended = True
        else:
            items.append(item)

    async def _read(self, stream: AsyncIterator[T]) -> None:
        try:
            async with closing(stream) as items:
                async for item in items:
                    await self._queue.put(item)
        except Exception as error:  # noqa: BLE001 - handed to the reader by batch()
            self._error = error
        await self._queue.put(None)
