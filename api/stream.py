"""Handing a run to a client: as a stream, or as one document when it has ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog
from sse_starlette import EventSourceResponse
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api import frames
from api.settings import RunSettings
from chains.streams import closing

_log = structlog.get_logger("covenant.runs")


class RunStream(EventSourceResponse):
    """Streams encoded frames (`api.frames`) to one client.

    A client that leaves closes `content`. On SIGTERM the stream goes on: its run ends within the
    drain time, with its last event (`api.runs`).

    Args:
        content: What to send.
        settings: Ping and time limits.
        begin: Sent first.
        leave: Called once when the client has been served or has left, even where nothing was
            ever read from `content`.
    """

    def __init__(
        self,
        content: AsyncIterator[bytes],
        settings: RunSettings,
        *,
        begin: bytes = frames.RETRY,
        leave: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            _opened(content, begin),
            sep="\n",
            # `no-transform` keeps proxies from compressing, which would hold frames back.
            headers={"Cache-Control": "no-store, no-transform"},
            ping=settings.ping.total_seconds(),
            ping_message_factory=_ping,
            send_timeout=settings.send_timeout.total_seconds(),
            # As it comes, the library cuts every stream at SIGTERM.
            shutdown_grace_period=settings.drain.total_seconds() + 1,
        )
        self._leave = leave

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            # A reader that takes nothing is as good as gone; the connection is closed unfinished,
            # which means that it may resume.
            _log.info("reader_stalled")
        finally:
            if self._leave is not None:
                self._leave()


async def ended_or_gone(ended: asyncio.Event, receive: Receive) -> bool:
    """Wait for a run to end or its client to leave, whichever is first.

    Args:
        ended: Set when the run ends.
        receive: The request's; its body must have been read.

    Returns:
        Whether it ended.
    """
    waits: list[asyncio.Task[Any]] = [
        asyncio.create_task(ended.wait()),
        asyncio.create_task(_gone(receive)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return ended.is_set()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _opened(content: AsyncIterator[bytes], begin: bytes) -> AsyncIterator[bytes]:
    if begin:
        yield begin
    async with closing(content) as batches:
        async for batch in batches:
            yield batch


def _ping() -> Any:
    return frames.PING
