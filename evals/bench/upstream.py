"""A paced, OpenAI-compatible upstream: `python -m evals.bench.upstream --port N`.

One write per token, as model servers do, from pre-encoded bytes: a few microseconds of CPU a
token, so that the upstream is never what is measured. A model name that contains ``judge``
answers as the constitution's judge does: no violation, after a fixed delay.
"""

import argparse
import asyncio
import contextlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httptools
from typing_extensions import override

_TEXT = (
    "a lantern on the harbour wall shows small boats home while gulls rest and the tide turns "
    "over quiet stones that children count before supper and sailors name after distant friends"
)
_WORDS = _TEXT.split()
_SENTENCE_TOKENS = 12
_VERDICT = json.dumps({"violations": [], "reason": "Nothing found."})


@dataclass(frozen=True, slots=True)
class Pace:
    """How an answer arrives."""

    first_token: timedelta
    """From the request to the first token."""
    tokens_per_second: float
    tokens: int
    """Tokens of an answer."""
    judge: timedelta
    """From a judge's request to its verdict."""


class Connection(asyncio.Protocol):
    """One keep-alive HTTP connection."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._body = b""
        self._url = b""
        self._task: asyncio.Task[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._body = self._url = b""

    def on_url(self, url: bytes) -> None:
        """Collect the path."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer a whole request."""
        self._task = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        if self._url.endswith(b"/models"):
            self._send_json({"object": "list", "data": [{"id": "qwen-bench", "object": "model"}]})
            return
        if not self._url.endswith(b"/chat/completions"):
            self._send_json({"error": {"message": "not found"}})
            return
        request = json.loads(self._body)
        if "judge" in request["model"]:
            await asyncio.sleep(self._pace.judge.total_seconds())
            self._send_json(_completion(_VERDICT))
        elif request.get("stream"):
            with contextlib.suppress(ConnectionError):
                await self._stream()
        else:
            await asyncio.sleep(
                self._pace.first_token.total_seconds()
                + self._pace.tokens / self._pace.tokens_per_second
            )
            self._send_json(_completion("".join(_token(n) for n in range(self._pace.tokens))))

    async def _stream(self) -> None:
        self._write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        due = loop.time() + self._pace.first_token.total_seconds()
        for number in range(self._pace.tokens):
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._write_event({"delta": {"content": _token(number)}, "finish_reason": None})
            due += 1 / self._pace.tokens_per_second
        usage = {"prompt_tokens": 100, "completion_tokens": self._pace.tokens, "total_tokens": 0}
        self._write_event({"delta": {}, "finish_reason": "stop"}, usage)
        self._write(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    def _write_event(self, choice: dict[str, Any], usage: dict[str, int] | None = None) -> None:
        body = {"id": "bench", "object": "chat.completion.chunk", "created": 1, "model": "qwen"}
        event = {**body, "choices": [{"index": 0, **choice}], "usage": usage}
        self._write(_chunk(b"data: " + json.dumps(event).encode() + b"\n\n"))

    def _send_json(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self._write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the client has gone")
        self._transport.write(data)


def _token(number: int) -> str:
    stop = "." if number % _SENTENCE_TOKENS == _SENTENCE_TOKENS - 1 else ""
    return f" {_WORDS[number % len(_WORDS)]}{stop}"


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "bench",
        "object": "chat.completion",
        "created": 1,
        "model": "qwen-bench",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve(port: int, pace: Pace) -> None:
    """Serve on loopback until cancelled."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(pace), "127.0.0.1", port, backlog=4096
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the pace from the command line and serve."""
    parser = argparse.ArgumentParser(prog="evals.bench.upstream", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--first-token-ms", type=float, default=50)
    parser.add_argument("--tokens-per-second", type=float, default=200)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--judge-ms", type=float, default=80)
    given = parser.parse_args()
    pace = Pace(
        timedelta(milliseconds=given.first_token_ms),
        given.tokens_per_second,
        given.tokens,
        timedelta(milliseconds=given.judge_ms),
    )
    import uvloop  # noqa: PLC0415 - not on every system, and only this process wants it

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(given.port, pace))


if __name__ == "__main__":
    main()
