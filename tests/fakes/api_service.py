"""The real application on a real server on loopback, in the test's own event loop."""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import TypeAdapter
from redis.asyncio import Redis

from api.app import create_app
from api.embedded_redis import redis_server_binary
from api.lifespan import Services
from api.settings import Settings
from chains.events import ChatEvent
from tests.fakes.scripted_chat import ScriptedBackend

EVENTS: TypeAdapter[ChatEvent] = TypeAdapter(ChatEvent)


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of the tests' own; yields its URL."""
    home = Path(tempfile.mkdtemp(prefix="covenant-test-"))
    socket = home / "redis.sock"
    with subprocess.Popen(  # noqa: S603 - the binary the service itself runs
        [
            *(str(redis_server_binary()), "--port", "0", "--unixsocket", str(socket)),
            *("--save", "", "--appendonly", "no", "--dir", str(home)),
        ],
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            while not socket.exists():
                time.sleep(0.01)
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(home)


async def everything_in(redis: Redis) -> str:
    """Every key and value, as one text."""
    found: list[object] = []
    for key in await redis.keys("*"):
        kind = cast("bytes", await redis.type(key)).decode()
        read: dict[str, Any] = {
            "string": redis.get,
            "hash": redis.hgetall,
            "set": redis.smembers,
            "stream": redis.xrange,
            "list": lambda name: redis.lrange(name, 0, -1),
            "zset": lambda name: redis.zrange(name, 0, -1),
        }
        found.append((key, await read[kind](key)))
    return str(found)


@dataclass
class Frame:
    """One event as it stood on the wire."""

    event: str
    id: int
    data: dict[str, Any]

    def validated(self) -> ChatEvent:
        """The event, if it is one of the vocabulary."""
        return EVENTS.validate_python(self.data)


@dataclass
class Reading:
    """A stream being read."""

    response: httpx.Response
    frames: list[Frame] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    retry: str | None = None
    _lines: AsyncIterator[str] | None = None

    async def each(self) -> AsyncIterator[Frame]:
        """Read frame by frame, as they come; may be left and begun again."""
        fields: dict[str, str] = {}
        self._lines = self._lines or self.response.aiter_lines()
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if not line:
                if "data" in fields:
                    frame = Frame(fields["event"], int(fields["id"]), json.loads(fields["data"]))
                    self.frames.append(frame)
                    yield frame
                self.retry = fields.get("retry", self.retry)
                fields = {}
            elif line.startswith(":"):
                self.comments.append(line)
            else:
                fields[name] = value

    async def until(self, event: str) -> Frame:
        """Read until an event of that name."""
        async for frame in self.each():
            if frame.event == event:
                return frame
        raise AssertionError(f"the stream ended without {event}")

    async def all(self) -> list[Frame]:
        """Read to the end."""
        async for _ in self.each():
            pass
        return self.frames


def text_of(frames: list[Frame]) -> str:
    """The answer's text in some frames."""
    return "".join(frame.data["text"] for frame in frames if frame.event == "message.delta")


@dataclass
class Client:
    """A client of one session."""

    http: httpx.AsyncClient
    session_id: str
    token: str

    @property
    def auth(self) -> dict[str, str]:
        """The header that proves it."""
        return {"Authorization": f"Bearer {self.token}"}

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """GET below `/api/v1`."""
        return await self.http.get(f"/api/v1{path}", headers=self.auth, **more)

    async def post(
        self, path: str, body: object = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """POST below `/api/v1`."""
        return await self.http.post(
            f"/api/v1{path}", json=body, headers={**self.auth, **(headers or {})}, **more
        )

    async def delete(self, path: str) -> httpx.Response:
        """DELETE below `/api/v1`."""
        return await self.http.delete(f"/api/v1{path}", headers=self.auth)

    async def ask(self, message: str, **body: Any) -> dict[str, Any]:
        """Ask and wait for the whole answer."""
        response = await self.post("/chat", {"message": message, **body})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    @asynccontextmanager
    async def stream(
        self, message: str, *, headers: dict[str, str] | None = None, **body: Any
    ) -> AsyncIterator[Reading]:
        """Ask and read the stream."""
        request = self.http.stream(
            "POST",
            "/api/v1/chat",
            json={"message": message, **body},
            headers={**self.auth, "Accept": "text/event-stream", **(headers or {})},
        )
        async with request as response:
            yield Reading(response)

    @asynccontextmanager
    async def follow(self, run_id: str, after: int | None = None) -> AsyncIterator[Reading]:
        """Follow a run."""
        headers = dict(self.auth)
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        path = f"/api/v1/runs/{run_id}/events"
        async with self.http.stream("GET", path, headers=headers) as response:
            yield Reading(response)


@dataclass
class ApiService:
    """A running service."""

    app: FastAPI
    server: uvicorn.Server
    services: Services
    backend: ScriptedBackend
    http: httpx.AsyncClient
    url: str

    async def client(self, **body: Any) -> Client:
        """Begin a session."""
        response = await self.http.post("/api/v1/chat/start", json=body)
        assert response.status_code == 201, response.text
        started = response.json()
        return Client(self.http, started["session_id"], started["token"])


@asynccontextmanager
async def serving(
    settings: Settings, backend: ScriptedBackend, *, frontend: Path | None = None
) -> AsyncIterator[ApiService]:
    """Serve on a free loopback port until the block is left."""
    app = create_app(settings, backend=backend, frontend=frontend or Path("not-built"))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
        )
    )
    # Not `serve`, which would take the test runner's signal handlers.
    running = asyncio.create_task(server._serve())
    while not server.started:
        if running.done():
            running.result()
            raise AssertionError("the service did not start")
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
            yield ApiService(app, server, server.lifespan.state["services"], backend, http, url)
    finally:
        server.should_exit = True
        await running
