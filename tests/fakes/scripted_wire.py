"""One HTTP/1.1 connection of the scripted Qwen: what arrives, and raw control of what leaves.

An `asyncio.Protocol` and not a web framework, because faults live below HTTP: a reset, half a
chunk, a byte at a time.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httptools
import orjson
from typing_extensions import override

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A complete request."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)


Handler = Callable[[Incoming, "Wire"], Awaitable[None]]


class Wire(asyncio.Protocol):
    """Parses requests and writes answers; one request at a time, keep-alive between them."""

    def __init__(self, handler: Handler, wires: "set[Wire]") -> None:
        self._handler = handler
        self._wires = wires
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body = b""
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport
        self.closed = asyncio.Event()
        """Set when the connection is gone, whoever closed it."""
        self._writable = asyncio.Event()
        self._writable.set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._wires.add(self)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wires.discard(self)
        self.closed.set()
        if self._task is not None:
            self._task.cancel()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start a request (httptools calls this and the next four)."""
        self._path, self._headers, self._body = b"", {}, b""

    def on_url(self, url: bytes) -> None:
        """Take a piece of the path."""
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin1").lower()] = value.decode("latin1")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer the request."""
        incoming = Incoming(
            self._parser.get_method().decode(),
            self._path.split(b"?")[0].decode("latin1"),
            self._headers,
            self._body,
        )
        self._task = asyncio.get_running_loop().create_task(self._handle(incoming))

    async def _handle(self, incoming: Incoming) -> None:
        try:
            await self._handler(incoming, self)
        except Exception:
            self.transport.abort()
            raise

    def answer(
        self, value: object, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """Write a whole JSON answer."""
        self.answer_bytes(orjson.dumps(value), "application/json", status=status, headers=headers)

    def answer_bytes(
        self,
        body: bytes,
        content_type: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Write a whole answer of any type."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self.transport.write(
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Scripted')}\r\n"
            f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n{extra}\r\n".encode()
            + body
        )

    def begin_stream(self) -> None:
        """Write the head of a chunked event stream."""
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
        )

    def chunk(self, data: bytes) -> None:
        """Write one chunk: one TCP segment."""
        if data:
            self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def drain(self) -> None:
        """Wait while the reader is too slow."""
        await self._writable.wait()

    def end_stream(self) -> None:
        """Write the end of a chunked body."""
        self.transport.write(b"0\r\n\r\n")

    def reset(self) -> None:
        """Break the connection with a TCP RST."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def cancel(self) -> None:
        """Close the connection and end its handler."""
        self.transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
