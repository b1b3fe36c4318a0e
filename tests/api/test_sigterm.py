"""A process that is asked to stop cuts no stream."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.api.test_runs import ends_properly
from tests.fakes.api_service import Client, text_of

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A service process and a person's session with it."""

    process: asyncio.subprocess.Process
    person: Client

    def terminate(self) -> None:
        """Ask it to stop."""
        os.kill(self.process.pid, signal.SIGTERM)


@asynccontextmanager
async def running(redis_url: str, folder: Path, drain: float) -> AsyncIterator[Running]:
    """Run the service in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.api_process", redis_url, str(folder), str(drain)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False
        ) as http:
            started = (await http.post("/api/v1/chat/start")).json()
            yield Running(process, Client(http, started["session_id"], started["token"]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.service
async def test_a_stream_within_the_drain_time_finishes(redis_url: str, tmp_path: Path) -> None:
    """SIGTERM in the middle of an answer loses nothing of it; then the process ends."""
    async with running(redis_url, tmp_path, drain=5) as service:
        async with service.person.stream("Long?") as reading:
            await reading.until("message.delta")
            service.terminate()
            frames = await reading.all()
        async with asyncio.timeout(5):
            await service.process.wait()

    assert ends_properly(frames)
    assert text_of(frames) == "word " * 20
    assert frames[-1].data["status"] == "completed"


@pytest.mark.service
async def test_a_stream_past_the_drain_time_ends_properly(redis_url: str, tmp_path: Path) -> None:
    """What takes longer ends with an error that says when to return, and its last event."""
    async with running(redis_url, tmp_path, drain=0.2) as service:
        async with service.person.stream("Long?") as reading:
            await reading.until("message.delta")
            service.terminate()
            frames = await reading.all()
        async with asyncio.timeout(5):
            await service.process.wait()

    assert ends_properly(frames)
    assert [frame.event for frame in frames[-3:]] == ["message.completed", "error", "run.finished"]
    assert len(text_of(frames)) < len("word " * 20)


@pytest.mark.service
async def test_a_document_that_is_waited_for_is_answered(redis_url: str, tmp_path: Path) -> None:
    """A JSON request in flight at SIGTERM gets its answer too."""
    async with running(redis_url, tmp_path, drain=5) as service:
        asking = asyncio.create_task(service.person.ask("Long?"))
        await asyncio.sleep(0.3)
        service.terminate()
        answer = await asking

    assert answer["text"] == "word " * 20
