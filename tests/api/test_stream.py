"""A stream and its reader, without a network between them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from starlette.types import Message
from structlog.testing import capture_logs

from api.settings import RunSettings
from api.stream import RunStream, ended_or_gone


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"event: status\n\n"
        await asyncio.sleep(0)


async def waits() -> Message:
    await asyncio.sleep(30)
    return {"type": "http.disconnect"}


async def leaves() -> Message:
    return {"type": "http.disconnect"}


async def test_a_reader_that_takes_nothing_is_disconnected() -> None:
    """A stalled reader holds neither the stream nor memory for ever, and is no defect."""
    left: list[bool] = []

    async def stalled(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(30)

    stream = RunStream(
        endless(),
        RunSettings(send_timeout=timedelta(milliseconds=50)),
        leave=lambda: left.append(True),
    )
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            await stream({"type": "http", "method": "GET"}, waits, stalled)

    assert left == [True]
    assert [line["event"] for line in logs] == ["reader_stalled"]


async def test_a_reader_that_left_before_the_start_is_counted_out() -> None:
    """Even where nothing was ever read from the run, its watcher is counted out, once."""
    left: list[bool] = []
    sent: list[Message] = []

    async def takes(message: Message) -> None:
        sent.append(message)

    stream = RunStream(endless(), RunSettings(), leave=lambda: left.append(True))
    async with asyncio.timeout(5):
        await stream({"type": "http", "method": "GET"}, leaves, takes)

    assert left == [True]


async def test_whichever_is_first_counts() -> None:
    """A run that ended is ended, even where its client is gone too."""
    ended = asyncio.Event()
    assert not await ended_or_gone(ended, leaves)

    ended.set()
    assert await ended_or_gone(ended, waits)
