import asyncio
from collections.abc import AsyncIterator

import pytest

from chains.ahead import Ahead


class Numbers:
    """Counts up to `last`, and notes how far it came and whether it was closed."""

    def __init__(self, last: int, error: Exception | None = None) -> None:
        self.given = 0
        self.closed = False
        self._last = last
        self._error = error

    async def stream(self) -> AsyncIterator[int]:
        try:
            for number in range(self._last):
                self.given = number + 1
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def test_items_arrive_in_order_and_then_nothing() -> None:
    """Every item of the stream is handed over once, in order, and an empty batch ends it."""
    ahead = Ahead(Numbers(5).stream(), limit=2)

    seen: list[int] = []
    while batch := await ahead.batch():
        seen.extend(batch)
    await ahead.aclose()

    assert seen == [0, 1, 2, 3, 4]
    assert await ahead.batch() == []


async def test_reads_no_further_ahead_than_its_limit() -> None:
    """A reader that takes nothing makes the stream wait."""
    numbers = Numbers(100)
    ahead = Ahead(numbers.stream(), limit=3)

    await asyncio.sleep(0.01)

    assert numbers.given <= 4
    await ahead.aclose()


async def test_hands_over_at_once_what_came_meanwhile() -> None:
    """Items that waited come as one batch."""
    ahead = Ahead(Numbers(3).stream(), limit=8)

    await asyncio.sleep(0.01)

    assert await ahead.batch() == [0, 1, 2]
    await ahead.aclose()


async def test_an_error_comes_after_the_items_before_it() -> None:
    """What was read before a failure is not lost, and the failure is raised as it was."""
    ahead = Ahead(Numbers(2, ValueError("broken")).stream(), limit=8)

    assert await ahead.batch() == [0, 1]
    with pytest.raises(ValueError, match="broken"):
        await ahead.batch()
    await ahead.aclose()


async def test_closing_stops_the_stream_wherever_it_is() -> None:
    """aclose ends a stream that is waiting for its reader, and may be called twice."""
    numbers = Numbers(100)
    ahead = Ahead(numbers.stream(), limit=1)
    await ahead.batch()

    await ahead.aclose()
    await ahead.aclose()

    assert numbers.closed
    assert numbers.given < 10
