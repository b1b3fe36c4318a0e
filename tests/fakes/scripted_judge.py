"""A judge on a real loopback socket that answers, stalls or talks nonsense as it is told."""

import asyncio
import json
from typing import Any, Self

from aiohttp import web


class ScriptedJudge:
    """Serves ``POST /v1/chat/completions``.

    `reply` is the content of every answer; `violates` makes one of principle ids found in the last
    message. `requests` holds the bodies that came.
    """

    def __init__(self) -> None:
        self.reply: str | None = None
        self.violates: dict[str, str] = {}
        self.answers: list[str] = []
        self.status = 200
        self.body: bytes | None = None
        self.delay = 0.0
        self.refuses_schema = False
        self.written: dict[str, str] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def stop(self) -> None:
        """Stop listening: from now on connections are refused."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def asked(self) -> list[str]:
        """The last message of every request."""
        return [request["messages"][-1]["content"] for request in self.requests]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.body is not None:
            return web.Response(status=self.status, body=self.body)
        if self.refuses_schema and "response_format" in body:
            return web.json_response({"error": {"message": "unknown field"}}, status=400)
        if self.status != 200:
            return web.json_response({"error": {"message": "scripted"}}, status=self.status)
        return web.json_response(
            {
                "choices": [{"index": 0, "message": {"content": self._content(body)}}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
            }
        )

    def _content(self, body: dict[str, Any]) -> str:
        if self.answers:
            return self.answers.pop(0)
        if self.reply is not None:
            return self.reply
        text = body["messages"][-1]["content"]
        for mark, written in self.written.items():
            if mark in "".join(message["content"] for message in body["messages"]):
                return written
        return verdict(*(name for mark, name in self.violates.items() if mark in text))


def verdict(*principles: str, confidence: float = 0.95) -> str:
    """A constitutional judge's reply that names principles."""
    found = [{"id": principle, "confidence": confidence} for principle in principles]
    return json.dumps({"violations": found, "reason": "scripted"})
