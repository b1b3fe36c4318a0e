"""A run's last word comes even after our own defects."""

import pytest
from structlog.testing import capture_logs

from api.drive import Driver
from api.run import Ending
from tests.api.test_runs import ends_properly
from tests.fakes.api_service import ApiService, Client
from tests.fakes.scripted_chat import ScriptedBackend, blocked


async def test_a_defect_of_the_driver_ends_the_run(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the driver itself fails the stream still ends, as failed, and the log says where."""

    def broken(*_: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(Driver, "_last_words", broken)
    with capture_logs() as logs:
        async with person.stream("Hi") as reading:
            frames = await reading.all()

    assert ends_properly(frames)
    assert frames[-1].data["status"] == "failed"
    assert [line["error"] for line in logs if line["event"] == "defect"] == ["RuntimeError"]
    assert "canary" not in str(logs)


async def test_a_run_stopped_before_it_began_asks_nobody(
    service: ApiService, person: Client, backend: ScriptedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that comes before the first event still ends the run, and the model is not asked."""
    runs = service.services.runs
    begin = runs.start

    def stopped_at_once(*arguments: object, **more: object) -> object:
        run = begin(*arguments, **more)  # type: ignore[arg-type]  # passed on as they came
        run.end(Ending.STOPPED)
        return run

    monkeypatch.setattr(type(runs), "start", lambda _, *a, **m: stopped_at_once(*a, **m))
    response = await person.post("/chat", {"message": "Hi"})

    assert response.status_code == 409
    assert backend.chat.turns == []
    assert (await person.get("/chat/history")).status_code == 404


async def test_a_block_counts_even_where_the_chain_then_fails(
    person: Client, backend: ScriptedBackend
) -> None:
    """After a block the run is blocked, whatever goes wrong behind it."""
    backend.chat.script = [*blocked()[:3], RuntimeError("canary")]

    async with person.stream("Bad?") as reading:
        frames = await reading.all()

    assert ends_properly(frames)
    assert frames[-1].data["status"] == "blocked"
    assert frames[-2].data["finish_reason"] == "blocked"
