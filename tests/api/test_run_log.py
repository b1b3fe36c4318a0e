"""The shared log loses nothing while runs go on speaking, and nothing when Redis fails a while."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from api.frames import decode
from api.run import Run
from api.run_log import RunLog
from api.transcript import Transcript
from chains.conversation import StoredRun
from chains.errors import InternalError, ServiceUnavailableError
from chains.events import GuardBlocked, MessageDelta, RunFinished
from chains.redis_client import connect
from chains.turn import Turn
from tests.fakes.scripted_chat import blocked, deltas


@pytest.fixture
def log(redis: Redis) -> RunLog:
    return RunLog(
        redis, redis, flush=timedelta(milliseconds=1), keep=timedelta(minutes=1), most=1000
    )


@pytest.fixture
async def run(redis: Redis) -> Run:
    await redis.hset("{s_1}:meta", mapping={"ends": 4102444800})
    return Run(
        turn=Turn(run_id="r_1", session_id="s_1", message_id="m_1", question="?"),
        stored=StoredRun("r_1", "m_1", "running", worker="w_1"),
        transcript=Transcript("m_1"),
        request_id="req_1",
    )


async def written(log: RunLog) -> str:
    """The text in the log."""
    events = [decode(frame) for frame in await log.replay("s_1", "r_1", 0)]
    return "".join(event.text for event in events if isinstance(event, MessageDelta))


async def test_what_is_said_during_a_write_is_written_next(
    log: RunLog, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that come while a write waits for Redis are in the next one."""
    first, second = deltas("one ", "two")
    run.add(first)
    append = log._append

    async def slow(**more: Any) -> object:
        run.add(second) if len(run.frames) == 1 else None
        await asyncio.sleep(0)
        return await append(**more)

    monkeypatch.setattr(log, "_append", slow)
    await log.write([run])
    await log.write([run])

    assert await written(log) == "one two"


async def test_what_could_not_be_written_is_written_later(
    log: RunLog, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failure the same events go out again, once."""
    run.add(deltas("one")[0])
    lost = connect("unix:///nowhere.sock", timeout=timedelta(milliseconds=50))
    with monkeypatch.context() as broken:
        broken.setattr(log, "_client", lost)
        with pytest.raises(ServiceUnavailableError):
            await log.write([run])
    await lost.aclose()

    await log.write([run])
    await log.write([run])

    assert await written(log) == "one"


async def test_the_writer_goes_on_after_a_failure(
    log: RunLog, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that was lost for a moment has everything after it."""
    monkeypatch.setattr("api.run_log._RETRY", timedelta(milliseconds=20))
    failures = iter([ServiceUnavailableError("Lost.")])
    write = log.write

    async def fragile(runs: Any) -> None:
        if failure := next(failures, None):
            raise failure
        await write(runs)

    monkeypatch.setattr(log, "write", fragile)
    run.add(deltas("one")[0])
    log.touch(run)
    writing = asyncio.create_task(log.write_forever())
    async with asyncio.timeout(2):
        while await written(log) != "one":  # noqa: ASYNC110 - in Redis
            await asyncio.sleep(0.01)
    writing.cancel()


async def test_a_retraction_reaches_what_is_on_its_way(log: RunLog, run: Run) -> None:
    """Text that was written before it was withdrawn is replaced by the next write."""
    guard = blocked(retract_from=0, stage="output")[2]
    assert isinstance(guard, GuardBlocked)
    run.add(deltas("withdrawn")[0])
    await log.write([run])
    run.add(guard)

    await log.write([run])

    assert await written(log) == ""
    assert await log.last("s_1", "r_1") == 2


async def test_nothing_follows_the_last_event(run: Run) -> None:
    """An event after `run.finished` is a defect, and is not told."""
    run.add(RunFinished(status="completed"))

    with pytest.raises(InternalError):
        run.add(deltas("late")[0])
