"""A scripted Qwen: an OpenAI-compatible server on a loopback socket, for tests and by hand.

In a test::

    from tests.fakes.scripted_qwen import Fault, Reply, ScriptedQwen

    async with ScriptedQwen() as qwen:
        qwen.when("weather", Reply(text="Rain.", ttft=timedelta(milliseconds=50)))
        qwen.when("once", Reply(status=503, retry_after="2"), times=1)   # then the next rule
        qwen.when("broken", Reply(fault=Fault.STALL, after=3))
        qwen.otherwise(Reply(text="I cannot say."))
        qwen.finds("bomb", principle="no-weapons", category="Violent")   # for the judges
        ...  # point a client at qwen.base_url, with any model name of `qwen.script.models`
        assert qwen.received[-1].last_user == "what is the weather?"
        assert qwen.closed_early == 0

From another process (browser tests, benchmarks, people)::

    python -m tests.fakes.scripted_qwen --port 9100 --script FILE.json

which prints one JSON line ``{"base_url": …, "port": …, "pid": …}`` when it is ready (``--port 0``
takes a free one). FILE holds a `Script` (tests/fakes/scripted_reply.py); times are in seconds or
ISO 8601::

    {"rules": [{"match": "weather", "reply": {"text": "Rain.", "ttft": 0.05,
                                              "tokens_per_second": 200}}],
     "violations": [{"match": "bomb", "principle": "no-weapons"}]}

Routes: ``POST /v1/chat/completions`` (streaming or not), ``POST /v1/embeddings`` (unit vectors
made from a hash of the text: equal texts, equal vectors), ``GET /v1/models``, ``GET /health``;
and for other processes ``GET /__requests``, ``GET /__stats``, ``PUT /__script``.

Who answers a chat request: a model whose name contains ``guard`` answers Qwen3Guard's lines
(``Safety:``, ``Categories:``); one whose name contains ``judge``, or any asked for a JSON schema,
answers a JSON object with the violated principle ids under the schema's first array property
(``violated`` without a schema). Both look for `Script.violations` in the last user message, which
holds ``[[violate]]`` until a test says otherwise, and take pace, status and faults from
`Script.judge`. Everything else is answered by the first rule that applies to it.

Reasoning is sent unless the request switches thinking off by one of the ways Qwen servers know
(``enable_thinking``, ``chat_template_kwargs``, ``think``, ``reasoning_effort: "none"``, or
``/no_think`` in the text).
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tests.fakes.scripted_answers import Received, embedding, usage_of, verdict
from tests.fakes.scripted_reply import DEFAULT_TEXT, Fault, Reply, Rule, Script, Violation
from tests.fakes.scripted_stream import EventStream
from tests.fakes.scripted_whole import answer_whole
from tests.fakes.scripted_wire import Handler, Incoming, Wire

__all__ = [
    "DEFAULT_TEXT",
    "Fault",
    "Incoming",
    "Received",
    "Reply",
    "Rule",
    "Script",
    "ScriptedQwen",
    "Violation",
    "Wire",
]


class ScriptedQwen:
    """The server; an async context manager, or `start` and `stop`.

    Args:
        script: What it knows at first; change it at any time, the next request obeys.
        port: TCP port on 127.0.0.1; 0 for a free one.
    """

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self.script = script or Script()
        self.port = port
        self.received: list[Received] = []
        """Chat requests, oldest first."""
        self.active = 0
        """Chat requests being answered now."""
        self.completed = 0
        """Chat requests answered to their proper end."""
        self.closed_early = 0
        """Chat requests whose client closed the connection before the end."""
        self.connections = 0
        """Connections accepted so far."""
        self.embedded = 0
        """Texts embedded so far."""
        self.instead: Handler | None = None
        """Answers everything instead of the script: a program that is no model server."""
        self._applied: dict[int, int] = {}
        self._wires: set[Wire] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        """What clients are given, ending in ``/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def when(
        self,
        match: str,
        reply: Reply | str,
        *,
        model: str | None = None,
        times: int | None = None,
    ) -> None:
        """Answer messages that contain `match` with `reply`; see `Rule` for the rest."""
        said = Reply(text=reply) if isinstance(reply, str) else reply
        self.script.rules.append(Rule(match=match, model=model, times=times, reply=said))

    def otherwise(self, reply: Reply | str) -> None:
        """Answer everything that no rule answers with `reply`."""
        self.script.otherwise = Reply(text=reply) if isinstance(reply, str) else reply

    def finds(
        self, match: str, *, principle: str, category: str = "Violent", safety: str = "Unsafe"
    ) -> None:
        """Let the judges find a violation in texts that contain `match`."""
        self.script.violations.append(
            Violation(match=match, principle=principle, category=category, safety=safety)
        )

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections and break the open ones: what a killed server looks like."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for wire in tuple(self._wires):
            await wire.cancel()

    def _connect(self) -> Wire:
        self.connections += 1
        return Wire(self._route, self._wires)

    async def _route(self, request: Incoming, wire: Wire) -> None:
        if self.instead is not None:
            await self.instead(request, wire)
        elif request.path.startswith("/__"):
            self._watch(request, wire)
        elif not self._admits(request.headers):
            wire.answer({"error": {"message": "Incorrect API key provided"}}, status=401)
        else:
            await self._serve(request, wire)

    async def _serve(self, request: Incoming, wire: Wire) -> None:
        match request.method, request.path.removeprefix("/v1"):
            case "POST", "/chat/completions":
                await self._chat(request, wire)
            case "POST", "/embeddings":
                self._embeddings(request, wire)
            case "GET", "/models":
                models = [
                    {"id": name, "object": "model", "created": 1, "owned_by": self.script.owned_by}
                    for name in self.script.models
                ]
                wire.answer({"object": "list", "data": models})
            case "GET", "/health":
                wire.answer({"status": "ok"})
            case _:
                wire.answer({"error": {"message": "no such route"}}, status=404)

    def _watch(self, request: Incoming, wire: Wire) -> None:
        """Answer a test that runs in another process."""
        match request.method, request.path:
            case "GET", "/__requests":
                wire.answer([one.body for one in self.received])
            case "GET", "/__stats":
                counted = ("active", "completed", "closed_early", "connections", "embedded")
                wire.answer({name: getattr(self, name) for name in counted})
            case "PUT", "/__script":
                self.script = Script.model_validate_json(request.body)
                self._applied.clear()
                wire.answer({})
            case _:
                wire.answer({"error": {"message": "no such route"}}, status=404)

    async def _chat(self, request: Incoming, wire: Wire) -> None:
        received = Received.parse(request)
        self.received.append(received)
        self.active += 1
        try:
            if await self._reply(received, wire):
                self.completed += 1
        except asyncio.CancelledError:
            # The connection is gone; it was not us who broke it while a reply was being sent.
            if self._server is not None:
                self.closed_early += 1
            raise
        finally:
            self.active -= 1

    async def _reply(self, received: Received, wire: Wire) -> bool:
        refusal = self._refusal(received)
        if refusal is not None:
            status, message = refusal
            wire.answer({"error": {"message": message, "type": "invalid"}}, status=status)
            return False
        reply = self._choose(received)
        if reply.status != 200:
            await asyncio.sleep(reply.ttft.total_seconds())
            headers = {"retry-after": reply.retry_after} if reply.retry_after else {}
            error = {"message": reply.error, "type": "scripted", "code": str(reply.status)}
            wire.answer({"error": error}, status=reply.status, headers=headers)
            return False
        if reply.fault is Fault.HANG:
            await asyncio.sleep(3600)
        if reply.fault is Fault.DISCONNECT:
            wire.transport.close()
            return False
        if reply.fault is Fault.HTML:
            wire.answer_bytes(b"<html><body>Log in to the network</body></html>", "text/html")
            return False
        if received.stream:
            usage = usage_of(received, reply) if reply.usage and received.wants_usage else None
            stream = EventStream(
                wire, reply, model=received.model, thinking=received.thinking, usage=usage
            )
            return await stream.send()
        return await answer_whole(received, reply, wire)

    def _admits(self, headers: dict[str, str]) -> bool:
        key = self.script.api_key
        return key is None or headers.get("authorization") == f"Bearer {key}"

    def _refusal(self, received: Received) -> tuple[int, str] | None:
        """Status and message of a request that is not answered at all."""
        for field in self.script.unknown_fields:
            if field in received.body:
                return 400, f"Unrecognized request argument supplied: {field}"
        return None

    def _choose(self, received: Received) -> Reply:
        if received.is_judged:
            text = verdict(received, self.script.violations)
            return self.script.judge.model_copy(update={"text": text})
        for position, rule in enumerate(self.script.rules):
            used = self._applied.get(position, 0)
            spent = rule.times is not None and used >= rule.times
            if not spent and rule.applies(received.last_user, received.model):
                self._applied[position] = used + 1
                return rule.reply
        return self.script.otherwise

    def _embeddings(self, request: Incoming, wire: Wire) -> None:
        body: dict[str, Any] = orjson.loads(request.body)
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        self.embedded += len(texts)
        size = body.get("dimensions", 256)
        tokens = sum(len(text.split()) for text in texts)
        data = [
            {"object": "embedding", "index": index, "embedding": embedding(text, size)}
            for index, text in enumerate(texts)
        ]
        wire.answer(
            {
                "object": "list",
                "model": body.get("model", ""),
                "data": data,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )


async def _serve(script: Script, port: int) -> None:
    async with ScriptedQwen(script, port=port) as qwen:
        ready = {"base_url": qwen.base_url, "port": qwen.port, "pid": os.getpid()}
        print(orjson.dumps(ready).decode(), flush=True)  # noqa: T201 - the contract with the parent
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()


def main(arguments: list[str]) -> None:
    """Serve a script until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible Qwen server.")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free port")
    parser.add_argument("--script", type=Path, help="JSON file with rules; see the docstring")
    options = parser.parse_args(arguments)
    script = Script.model_validate_json(options.script.read_bytes()) if options.script else Script()
    asyncio.run(_serve(script, options.port))


if __name__ == "__main__":
    main(sys.argv[1:])
