"""Open-loop load: chats start on schedule whether or not earlier ones have ended.

Latencies count from the scheduled time, so a target that falls behind cannot hide it (no
coordinated omission).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal, cast

import httptools
from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Request:
    """A request as bytes, and what its answer looks like."""

    payload: bytes = field(repr=False)
    first: bytes
    """Bytes that mark the first piece of the answer."""
    last: bytes
    """Bytes that mark a complete answer."""


@dataclass(slots=True)
class Chat:
    """What became of one chat. Times are seconds from its scheduled start."""

    scheduled: float
    first: float | None = None
    total: float | None = None
    outcome: Literal["complete", "incomplete", "error"] = "error"


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._done: asyncio.Future[None] | None = None
        self._chat: Chat | None = None
        self._request: Request | None = None
        self._seen = b""

    def send(self, request: Request, chat: Chat) -> asyncio.Future[None]:
        assert self.transport is not None  # noqa: S101 - the pool hands out connected ones
        self._parser = httptools.HttpResponseParser(self)
        self._done = asyncio.get_running_loop().create_future()
        self._chat, self._request, self._seen = chat, request, b""
        self.transport.write(request.payload)
        return self._done

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._finish()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self.transport is not None:
                self.transport.close()

    def on_body(self, body: bytes) -> None:
        """Note when the first piece comes, and whether the last one did."""
        if self._chat is None or self._request is None:
            return
        window = self._seen + body
        if self._chat.first is None and self._request.first in window:
            self._chat.first = perf_counter() - self._chat.scheduled
            self._chat.outcome = "incomplete"
        if self._request.last in window:
            self._chat.outcome = "complete"
        self._seen = window[-max(len(self._request.first), len(self._request.last)) :]

    def on_message_complete(self) -> None:
        """The answer is over."""
        if self._chat is not None and self._parser.get_status_code() >= 400:  # noqa: PLR2004 - HTTP
            self._chat.outcome = "error"
        self._finish()

    def _finish(self) -> None:
        if self._chat is not None:
            self._chat.total = perf_counter() - self._chat.scheduled
            self._chat = None
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


async def open_loop(
    port: int, requests: Sequence[Request], *, rate: float, seconds: float
) -> list[Chat]:
    """Start `rate` chats a second for `seconds`, in turn from `requests`; wait for all.

    Args:
        port: Loopback port of the target.
        requests: Rotated; at least one.
        rate: Chats started a second.
        seconds: How long chats are started.
    """
    idle: list[_Connection] = []
    chats: list[Chat] = []

    async def run(request: Request, chat: Chat) -> None:
        connection = idle.pop() if idle else None
        try:
            if connection is None or connection.transport is None:
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, "127.0.0.1", port
                )
            await connection.send(request, chat)
        except OSError:
            return
        if connection.transport is not None:
            idle.append(connection)

    began = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            scheduled = began + number / rate
            await asyncio.sleep(max(0.0, scheduled - perf_counter()))
            chat = Chat(scheduled)
            chats.append(chat)
            tasks.create_task(run(requests[number % len(requests)], chat))
    for connection in idle:
        if connection.transport is not None:
            connection.transport.close()
    return chats
