"""Two services behind one Redis behave as one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from redis.asyncio import Redis

from api.settings import Settings
from api.workers import Workers
from tests.api.test_runs import SLOW, ends_properly
from tests.fakes.api_service import ApiService, Client, serving, text_of
from tests.fakes.scripted_chat import ScriptedBackend, blocked, deltas, started


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[ApiService]:
    async with serving(settings, ScriptedBackend()) as running:
        yield running


@pytest.fixture
def there(other: ApiService, person: Client) -> Client:
    """The same person at the other service."""
    return replace(person, http=other.http)


async def test_a_run_is_followed_from_another_process(
    person: Client, there: Client, backend: ScriptedBackend
) -> None:
    """A reader that resumes on another worker loses and repeats nothing."""
    backend.chat.script = SLOW
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        await reading.until("message.delta")
        read = list(reading.frames)
    async with there.follow(run_id, after=read[-1].id) as resumed:
        read += await resumed.all()

    assert text_of(read) == "word " * 40
    assert [frame.id for frame in read] == list(range(1, len(read) + 1))
    assert backend.chat.closed_early == 0, "a watcher elsewhere keeps it going"


async def test_a_run_is_stopped_from_another_process(
    person: Client, there: Client, backend: ScriptedBackend
) -> None:
    """Stop reaches the process that answers, and returns when the run has ended."""
    backend.chat.script = SLOW
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        await reading.until("message.delta")
        stopped = await there.post(f"/runs/{run_id}/stop", {"seen_chars": 4})
        frames = await reading.all()

    assert stopped.json()["status"] == "stopped"
    assert ends_properly(frames)
    item = (await there.get("/chat/history")).json()["items"][0]
    assert item["text"] == "word"


async def test_erasing_elsewhere_stops_and_keeps_nothing(
    person: Client, there: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """A session erased at another worker stops its runs here and leaves no key behind."""
    backend.chat.script = SLOW
    async with person.stream("Long?") as reading:
        await reading.until("message.delta")
        erased = await there.delete("/chat/session")
        frames = await reading.all()

    assert erased.status_code == 204
    assert ends_properly(frames)
    assert backend.chat.closed_early == 1
    assert await redis.keys(f"*{person.session_id}*") == []


async def test_a_repeat_elsewhere_returns_the_first_answer(
    person: Client, there: Client, backend: ScriptedBackend, other: ApiService
) -> None:
    """An idempotency key holds across processes, for documents and for streams."""
    backend.chat.script = SLOW
    key = {"Idempotency-Key": "key-1"}

    first, second = await asyncio.gather(
        person.post("/chat", {"message": "Once?"}, headers=key),
        _later(there, key),
    )

    assert first.json() == second.json()
    assert other.backend.chat.turns == []


async def _later(client: Client, key: dict[str, str]) -> httpx.Response:
    await asyncio.sleep(0.1)
    return await client.post("/chat", {"message": "Once?"}, headers=key)


async def test_withdrawn_text_does_not_reach_a_late_follower(
    person: Client, there: Client, backend: ScriptedBackend
) -> None:
    """A follower elsewhere that connects after a retraction gets blanks."""
    script = blocked("canary-51bc ", retract_from=0, stage="output")
    backend.chat.script = [*script[:3], 0.1, script[3], 0.2, *script[4:]]
    async with person.stream("Tell me") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        await reading.until("guard.blocked")
        await asyncio.sleep(0.1)
        async with there.follow(run_id) as late:
            frames = await late.all()

    assert ends_properly(frames)
    assert text_of(frames) == ""


async def _nobody_lives(self: Workers, worker: str) -> bool:
    return False


async def test_a_run_whose_process_died_gets_its_last_event(
    person: Client, there: Client, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower of a run whose worker was killed reads an error and `run.finished`."""
    backend.chat.script = [started, *deltas("Half an ans"), 30.0]
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        await reading.until("message.delta")
        await asyncio.sleep(0.05)
        monkeypatch.setattr(Workers, "lives", _nobody_lives)

        async with there.follow(run_id) as orphan:
            frames = await orphan.all()

    assert ends_properly(frames)
    assert frames[-1].data["status"] == "failed"
    assert frames[-2].data["code"] == "service_unavailable"
    item = (await there.get("/chat/history")).json()["items"][0]
    assert item["text"] == "Half an ans"
    assert item["finish_reason"] == "error"


async def test_stopping_a_run_whose_process_died_ends_it(
    person: Client, there: Client, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop does not wait for a worker that is gone."""
    backend.chat.script = [started, *deltas("Half"), 30.0]
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        monkeypatch.setattr(Workers, "lives", _nobody_lives)

        stopped = await there.post(f"/runs/{run_id}/stop")

    assert stopped.json()["status"] == "failed"
