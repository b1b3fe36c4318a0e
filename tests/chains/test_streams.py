from collections.abc import AsyncIterator

import pytest

from chains.streams import closing


async def test_closes_when_the_reader_stops_early() -> None:
    """Leaving the block closes the generator, though it had more to give."""
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async with closing(numbers()) as stream:
        async for _ in stream:
            break

    assert closed == [True]


async def test_an_iterator_without_aclose_is_left_alone() -> None:
    """Plain iterators work, and errors of the block come through."""

    class Plain:
        def __aiter__(self) -> "Plain":
            return self

        async def __anext__(self) -> int:
            return 1

    with pytest.raises(ValueError, match="mine"):
        async with closing(Plain()):
            raise ValueError("mine")
