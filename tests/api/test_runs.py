"""Runs outlive the requests that asked for them, and always end with their last event."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from redis.asyncio import Redis

from api.settings import RunSettings, Settings
from chains.errors import ModelInterruptedError, ServiceUnavailableError
from chains.events import Status
from tests.fakes.api_service import ApiService, Client, Frame, serving, text_of
from tests.fakes.scripted_chat import (
    EVERY_KIND,
    ScriptedBackend,
    Step,
    answered,
    blocked,
    deltas,
    started,
)

SLOW: list[Step] = [
    started,
    *[step for delta in deltas(*["word "] * 40) for step in (0.02, delta)],
    *answered()[-4:],
]


async def eventually(holds: Callable[[], bool], seconds: float = 3.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def ends_properly(frames: list[Frame]) -> bool:
    """Whether `run.finished` is there once, as the last event, and every event is valid."""
    kinds = [frame.event for frame in frames]
    for frame in frames:
        frame.validated()
    return kinds.count("run.finished") == 1 and kinds[-1] == "run.finished"


async def test_a_reader_that_resumes_loses_and_repeats_nothing(
    person: Client, backend: ScriptedBackend
) -> None:
    """Five drops during one answer, each resumed by Last-Event-ID, give the answer exactly."""
    backend.chat.script = SLOW
    read: list[Frame] = []
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        read += reading.frames
    for _ in range(5):
        async with person.follow(run_id, after=read[-1].id) as resumed:
            async for frame in resumed.each():
                read.append(frame)
                if len(resumed.frames) == 4:
                    break
    async with person.follow(run_id, after=read[-1].id) as resumed:
        read += await resumed.all()

    assert [frame.id for frame in read] == list(range(1, len(read) + 1))
    assert text_of(read) == "word " * 40
    assert ends_properly(read)


async def test_a_finished_run_can_be_read_again(person: Client) -> None:
    """The whole stream can be replayed after its end; with all of it read there is nothing."""
    async with person.stream("Hi") as reading:
        frames = await reading.all()
    run_id = frames[0].data["run_id"]

    async with person.follow(run_id) as again:
        replayed = await again.all()
    async with person.follow(run_id, after=frames[-1].id) as empty:
        assert empty.response.status_code == 204

    assert replayed == frames


async def test_after_can_stand_in_the_query(person: Client) -> None:
    """Clients that cannot send Last-Event-ID say `?after=`."""
    async with person.stream("Hi") as reading:
        frames = await reading.all()
    run_id = frames[0].data["run_id"]

    response = await person.get(f"/runs/{run_id}/events", params={"after": len(frames) - 1})

    assert response.text.count("event: ") == 1


@pytest.mark.parametrize("wrong", ["-1", "x", "1e3", "99999999999", "１"])
async def test_a_wrong_place_is_refused(person: Client, wrong: str) -> None:
    """A Last-Event-ID that is no event's id is a bad request."""
    headers = httpx.Headers({**person.auth, "Last-Event-ID": wrong}, encoding="utf-8")

    response = await person.http.get("/api/v1/runs/r_x/events", headers=headers)

    assert response.status_code == 400


async def test_another_sessions_run_is_not_found(
    service: ApiService, person: Client, backend: ScriptedBackend
) -> None:
    """Nobody can follow or stop a run of another session, whether it is live or over."""
    backend.chat.script = SLOW
    other = await service.client()
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]

        assert (await other.get(f"/runs/{run_id}/events")).status_code == 404
        assert (await other.post(f"/runs/{run_id}/stop")).status_code == 404
        assert (await person.post(f"/runs/{run_id}/stop")).status_code == 200

    assert (await other.get(f"/runs/{run_id}/events")).status_code == 404
    assert (await other.post(f"/runs/{run_id}/stop", {"seen_chars": 0})).status_code == 404


async def test_events_that_have_expired_are_not_found(person: Client, redis: Redis) -> None:
    """A run whose events have expired says so; its answer is in the history."""
    answer = await person.ask("Hi")
    await redis.delete(f"{{{person.session_id}}}:log:{answer['run_id']}")

    response = await person.get(f"/runs/{answer['run_id']}/events")

    assert response.status_code == 404
    assert "history" in response.json()["detail"]


async def test_a_stop_ends_the_model_and_keeps_what_was_seen(
    person: Client, backend: ScriptedBackend
) -> None:
    """Stop closes the chain at once; the saved text is cut at the characters that were seen."""
    backend.chat.script = SLOW
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        for _ in range(3):
            await reading.until("message.delta")
        stopped = await person.post(f"/runs/{run_id}/stop", {"seen_chars": 7})
        rest = await reading.all()

    assert stopped.json() == {"run_id": run_id, "status": "stopped"}
    assert backend.chat.closed_early == 1
    assert [frame.event for frame in rest[-2:]] == ["message.completed", "run.finished"]
    assert rest[-2].data == {
        "type": "message.completed",
        "finish_reason": "stopped",
        "length": 7,
    }
    item = (await person.get("/chat/history")).json()["items"][0]
    assert item["text"] == "word wo"
    assert item["finish_reason"] == "stopped"


async def test_stopping_twice_is_harmless(person: Client, backend: ScriptedBackend) -> None:
    """A run that has ended answers a stop with how it ended."""
    answer = await person.ask("Hi")

    response = await person.post(f"/runs/{answer['run_id']}/stop", {"seen_chars": 1})

    assert response.json()["status"] == "completed"
    assert (await person.post("/runs/r_nobody/stop")).status_code == 404


async def test_a_run_nobody_watches_ends_after_the_grace_time(
    person: Client, backend: ScriptedBackend
) -> None:
    """A reader that leaves for good stops the model within the grace time."""
    backend.chat.script = [started, *deltas("Some"), 30.0]
    async with person.stream("Long?") as reading:
        await reading.until("message.delta")

    await asyncio.sleep(0.1)
    assert backend.chat.closed_early == 0
    await eventually(lambda: backend.chat.closed_early == 1)


async def test_a_second_watcher_keeps_a_run_going(person: Client, backend: ScriptedBackend) -> None:
    """The run goes on while any tab watches it."""
    backend.chat.script = SLOW
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]
        async with person.follow(run_id) as second:
            await second.until("run.started")
            await reading.response.aclose()
            frames = await second.all()

    assert text_of(frames) == "word " * 40
    assert backend.chat.closed_early == 0


async def test_a_client_that_leaves_a_document_stops_the_model_at_once(
    person: Client, backend: ScriptedBackend
) -> None:
    """A JSON request whose client goes away ends its run without waiting for the grace time."""
    backend.chat.script = [started, *deltas("Some"), 30.0]
    asking = asyncio.create_task(person.post("/chat", {"message": "Long?"}))
    await eventually(lambda: backend.chat.said == 2)

    asking.cancel()

    await eventually(lambda: backend.chat.closed_early == 1, seconds=0.15)


async def test_a_client_that_leaves_before_the_first_event_is_noticed(
    service: ApiService, person: Client, backend: ScriptedBackend
) -> None:
    """A stream whose client leaves before anything was said ends its run too."""
    backend.chat.script = [30.0]
    asking = asyncio.create_task(
        person.post("/chat", {"message": "?"}, headers={"Accept": "text/event-stream"})
    )
    await eventually(lambda: len(backend.chat.turns) == 1)

    asking.cancel()

    await eventually(lambda: backend.chat.closed_early == 1)
    await eventually(lambda: service.services.runs.count == 0)


@pytest.mark.parametrize(
    ("script", "status", "kind"),
    [
        (answered(), "completed", None),
        (EVERY_KIND, "completed", None),
        (blocked(), "blocked", None),
        (blocked("Some ", retract_from=0, stage="output"), "blocked", None),
        ([started, RuntimeError("canary-77aa")], "failed", "internal"),
        ([started, *deltas("Half"), RuntimeError("canary-77aa")], "failed", "internal"),
        ([started, *deltas("Half"), TimeoutError()], "failed", "internal"),
        ([started, ModelInterruptedError("It fell silent.")], "failed", "service_unavailable"),
        ([started, *deltas("No last event")], "failed", "internal"),
        ([*answered(), Status(phase="answering")], "completed", None),
    ],
)
async def test_every_stream_ends_with_its_last_event(
    person: Client,
    backend: ScriptedBackend,
    script: list[Step],
    status: str,
    kind: str | None,
) -> None:
    """However a chain ends, its stream is valid and ends with `run.finished`."""
    backend.chat.script = script

    async with person.stream("Hi") as reading:
        frames = await reading.all()

    assert ends_properly(frames)
    assert frames[-1].data["status"] == status
    errors = [frame for frame in frames if frame.event == "error"]
    assert [frame.data["code"] for frame in errors] == ([kind] if kind else [])
    assert "canary" not in str([frame.data for frame in frames])


async def test_a_run_that_takes_too_long_is_cut_off(
    settings: Settings, backend: ScriptedBackend
) -> None:
    """A run past its deadline closes the model and ends as failed."""
    runs = settings.runs.model_copy(update={"deadline": timedelta(milliseconds=100)})
    backend.chat.script = [started, *deltas("Some"), 30.0]
    async with serving(settings.model_copy(update={"runs": runs}), backend) as service:
        person = await service.client()
        async with person.stream("Long?") as reading:
            frames = await reading.all()

    assert ends_properly(frames)
    assert [frame.event for frame in frames[-3:]] == ["message.completed", "error", "run.finished"]
    assert backend.chat.closed_early == 1


async def test_a_run_that_says_too_much_is_cut_off(
    settings: Settings, backend: ScriptedBackend
) -> None:
    """An endless model is stopped at the most events a run may have."""
    runs = settings.runs.model_copy(update={"max_events": 100})
    backend.chat.script = [started, *[s for d in deltas(*["x"] * 500) for s in (0.0, d)]]
    async with serving(settings.model_copy(update={"runs": runs}), backend) as service:
        person = await service.client()
        async with person.stream("Long?") as reading:
            frames = await reading.all()

    assert ends_properly(frames)
    assert len(frames) <= 104
    assert frames[-1].data["status"] == "failed"


async def test_withdrawn_text_is_in_no_replay(
    person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """After a retraction the log keeps its sequence numbers and nothing of the text."""
    script = blocked("keep ", "canary-51bc ", "more", retract_from=5, stage="output")
    backend.chat.script = [*script[:5], 0.1, *script[5:]]  # the deltas are written first
    async with person.stream("Tell me") as reading:
        shown = await reading.all()
    run_id = shown[0].data["run_id"]

    async with person.follow(run_id) as again:
        replayed = await again.all()

    assert "canary-51bc" in text_of(shown)
    assert text_of(replayed) == "keep "
    assert [frame.id for frame in replayed] == [frame.id for frame in shown]
    log = await redis.xrange(f"{{{person.session_id}}}:log:{run_id}")
    assert "canary-51bc" not in str(log)
    assert "canary-51bc" not in (await person.get("/chat/history")).text


async def test_who_read_the_last_event_finds_the_history_complete(person: Client) -> None:
    """The exchange is kept before `run.finished` is told."""
    async with person.stream("Hi") as reading:
        await reading.until("run.finished")
        history = (await person.get("/chat/history")).json()

    assert history["items"][0]["text"] == "Yes, it is so."
    assert history["active"] == []


async def test_a_stopping_process_ends_its_streams_properly(
    service: ApiService, person: Client, backend: ScriptedBackend
) -> None:
    """Runs that outlast the drain time end with an error and their last event; new ones wait."""
    backend.chat.script = [started, *deltas("Some"), 30.0]
    async with person.stream("Long?") as reading:
        await reading.until("message.delta")
        service.services.runs.drain()
        refused = await person.post("/chat", {"message": "Another?"})
        ready = await service.http.get("/health/ready")
        frames = await reading.all()

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert ready.status_code == 503
    assert ends_properly(frames)
    assert [frame.event for frame in frames[-3:]] == ["message.completed", "error", "run.finished"]
    assert frames[-2].data["retry_after_s"] == 5.0


async def test_a_short_run_finishes_while_the_process_stops(
    service: ApiService, person: Client, backend: ScriptedBackend
) -> None:
    """A run within the drain time is not cut."""
    backend.chat.script = [started, 0.3, *answered("Yes, ", "it is so.")[1:]]
    async with person.stream("Short?") as reading:
        await reading.until("run.started")
        service.services.runs.drain()
        service.server.should_exit = True
        frames = await reading.all()

    assert frames[-1].data["status"] == "completed"
    assert text_of(frames) == "Yes, it is so."


async def test_a_dead_redis_does_not_silence_a_run(
    service: ApiService, person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """A run whose exchange cannot be kept still tells its answer to the end."""
    backend.chat.script = [started, 0.2, *answered("Yes, ", "it is so.")[1:]]
    async with person.stream("Hi") as reading:
        await reading.until("run.started")
        await redis.config_set("maxmemory", 1)
        try:
            frames = await reading.all()
        finally:
            await redis.config_set("maxmemory", 0)

    assert ends_properly(frames)
    assert text_of(frames) == "Yes, it is so."


async def test_pings_show_that_a_silent_stream_lives(
    settings: Settings, backend: ScriptedBackend
) -> None:
    """A stream without news sends comments."""
    runs = RunSettings(ping=timedelta(milliseconds=50))
    backend.chat.script = [started, 0.2, *answered()[1:]]
    async with serving(settings.model_copy(update={"runs": runs}), backend) as service:
        person = await service.client()
        async with person.stream("Hi") as reading:
            await reading.all()

    assert reading.comments[:2] == [": ping", ": ping"]


async def test_a_run_here_is_stopped_without_redis(
    service: ApiService, person: Client, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping a run of this process does not depend on anything being written."""
    backend.chat.script = SLOW
    async with person.stream("Long?") as reading:
        run_id = (await reading.until("run.started")).data["run_id"]

        async def lost(*_: object, **__: object) -> None:
            raise ServiceUnavailableError("Lost.")

        monkeypatch.setattr(service.services.store, "finish", lost)
        monkeypatch.setattr(service.services.store, "run", lost)
        stopped = await person.post(f"/runs/{run_id}/stop", {"seen_chars": 0})
        frames = await reading.all()

    assert stopped.json()["status"] == "stopped"
    assert ends_properly(frames)
