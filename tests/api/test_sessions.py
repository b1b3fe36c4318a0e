"""Sessions: begun, renewed, read page by page, erased."""

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from api.auth import Role
from api.settings import SessionSettings, Settings
from tests.api.test_runs import SLOW
from tests.fakes.api_service import ApiService, Client, everything_in, serving
from tests.fakes.scripted_chat import ScriptedBackend, blocked

CANARY = "canary-9d41"


async def test_a_session_begins_with_a_greeting_and_a_token(service: ApiService) -> None:
    """`/chat/start` gives a token, a greeting, suggestions and notices, without any login."""
    response = await service.http.post("/api/v1/chat/start")

    assert response.status_code == 201
    started = response.json()
    assert started["message"] == "en:greeting"
    assert len(started["suggestions"]) == 4
    assert started["notices"] == ["en:notice_ai", "en:notice_retention"]
    expires = datetime.fromisoformat(started["expires_at"])
    assert timedelta(minutes=14) < expires - datetime.now(UTC) <= timedelta(minutes=15)
    ends = datetime.fromisoformat(started["session_expires_at"])
    assert timedelta(hours=11) < ends - datetime.now(UTC) <= timedelta(hours=12)


async def test_the_greeting_speaks_the_persons_language(service: ApiService) -> None:
    """A preference decides the language, else the browser's."""
    chosen = await service.http.post("/api/v1/chat/start", json={"preferences": {"language": "zh"}})
    browser = await service.http.post(
        "/api/v1/chat/start", headers={"Accept-Language": "zh-CN,zh;q=0.9"}
    )

    assert chosen.json()["message"] == browser.json()["message"] == "zh:greeting"


async def test_missing_parts_are_told_at_the_start(
    settings: Settings, backend: ScriptedBackend
) -> None:
    """Without a model or a judge the notices say so."""
    backend.demo, backend.judged = True, False
    async with serving(settings, backend) as service:
        started = (await service.http.post("/api/v1/chat/start")).json()

    assert started["message"] == "en:greeting_extractive"
    assert started["notices"][2:] == ["en:notice_demo", "en:notice_judge_missing"]


async def test_a_token_is_renewed_for_the_same_session(person: Client) -> None:
    """Refresh gives another token that is good for the same session."""
    renewed = (await person.post("/chat/refresh")).json()

    assert renewed["session_id"] == person.session_id
    assert renewed["token"] != person.token
    fresh = Client(person.http, person.session_id, renewed["token"])
    assert (await fresh.ask("Hi"))["text"] == "Yes, it is so."


async def test_history_is_404_before_anything_was_said(person: Client) -> None:
    """A session without exchanges has no history."""
    response = await person.get("/chat/history")

    assert response.status_code == 404


async def test_history_comes_in_pages(person: Client) -> None:
    """Pages hold the latest exchanges first, each page oldest first; cursors lead back."""
    for number in range(5):
        await person.ask(f"Question {number}?")

    latest = (await person.get("/chat/history", params={"limit": 2})).json()
    middle = (
        await person.get("/chat/history", params={"limit": 2, "before": latest["before"]})
    ).json()
    oldest = (
        await person.get("/chat/history", params={"limit": 2, "before": middle["before"]})
    ).json()

    questions = [[item["question"] for item in page["items"]] for page in (latest, middle, oldest)]
    assert questions == [
        ["Question 3?", "Question 4?"],
        ["Question 1?", "Question 2?"],
        ["Question 0?"],
    ]
    assert oldest["before"] is None


async def test_a_wrong_cursor_is_refused(person: Client) -> None:
    """A cursor that is none of this history is a bad request."""
    await person.ask("Hi")

    response = await person.get("/chat/history", params={"before": "m_nobody"})

    assert response.status_code == 400


async def test_a_reloaded_page_finds_the_run_that_is_still_going(
    person: Client, backend: ScriptedBackend
) -> None:
    """The history names live runs with their question, even before the first exchange."""
    await person.ask("First?")
    backend.chat.scripts = {"Long?": SLOW}
    async with person.stream("Long?") as reading:
        begun = await reading.until("run.started")
        active = (await person.get("/chat/history")).json()["active"]
        await person.post(f"/runs/{begun.data['run_id']}/stop")

    assert active[0]["run_id"] == begun.data["run_id"]
    assert active[0]["question"] == "Long?"


async def test_stopped_text_is_not_in_the_history(
    person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """Neither a stopped question nor a stopped answer is kept anywhere."""
    backend.chat.scripts = {
        f"{CANARY} in?": blocked(),
        "Out?": blocked(f"{CANARY} out ", retract_from=0, stage="output"),
    }
    await person.ask(f"{CANARY} in?")
    await person.ask("Out?")

    items = (await person.get("/chat/history")).json()["items"]

    assert [item["question"] for item in items] == ["", "Out?"]
    assert [item["text"] for item in items] == ["I cannot help with that."] * 2
    assert items[0]["violation"]["principle"]["id"] == "no-weapons"
    assert CANARY not in await everything_in(redis)


async def test_erasing_leaves_nothing_and_ends_every_token(
    service: ApiService, person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """DELETE erases every trace of a session in both stores; its tokens are refused at once."""
    answer = await person.ask(f"{CANARY}?", context=CANARY)
    await person.post(
        "/feedback",
        {"message_id": answer["message_id"], "rating": "up", "comment": CANARY},
    )
    backend.chat.script = blocked()
    await person.ask("Bad?")
    await person.post("/appeals", {"decision_id": "d_0123456789", "text": CANARY})
    other = await service.client()
    await other.ask("Mine stays")
    assert CANARY in await everything_in(redis)

    response = await person.delete("/chat/session")

    assert response.status_code == 204
    assert CANARY not in await everything_in(redis)
    assert person.session_id not in await everything_in(redis)
    for attempt in (
        person.get("/chat/history"),
        person.post("/chat", {"message": "Hi"}),
        person.post("/chat/refresh"),
        person.get("/sources/p1"),
        person.get("/runs/r_x/events"),
        person.post("/runs/r_x/stop"),
        person.post("/appeals", {"decision_id": "d_0123456789"}),
        person.delete("/chat/session"),
    ):
        assert (await attempt).status_code == 401
    assert (await other.get("/chat/history")).status_code == 200


async def test_use_keeps_a_session_alive(
    settings: Settings, backend: ScriptedBackend, redis: Redis
) -> None:
    """A session expires when it is not used for a while; every use begins the while anew."""
    short = SessionSettings(idle=timedelta(seconds=60))
    async with serving(settings.model_copy(update={"session": short}), backend) as service:
        person = await service.client()
        meta = f"{{{person.session_id}}}:meta"
        assert 50 < await redis.ttl(meta) <= 60
        await redis.expire(meta, 5)

        await person.ask("Hi")

        assert 50 < await redis.ttl(meta) <= 60


async def test_nothing_outlives_a_sessions_lifetime(
    settings: Settings, backend: ScriptedBackend, redis: Redis
) -> None:
    """However much a session is used, every key of it expires at its end."""
    short = SessionSettings(lifetime=timedelta(seconds=30))
    async with serving(settings.model_copy(update={"session": short}), backend) as service:
        person = await service.client()
        await person.ask("Hi")
        names = await redis.keys(f"*{person.session_id}*")
        remaining = [await redis.ttl(name) for name in names]

    assert len(names) >= 5
    assert all(0 < seconds <= 30 for seconds in remaining)


async def test_the_oldest_exchanges_are_forgotten_first(
    settings: Settings, backend: ScriptedBackend, redis: Redis
) -> None:
    """A session remembers a bounded number of exchanges, and their details with them."""
    few = SessionSettings(max_exchanges=2)
    async with serving(settings.model_copy(update={"session": few}), backend) as service:
        person = await service.client()
        for number in range(3):
            await person.ask(f"Question {number}?")
        page = (await person.get("/chat/history")).json()

    assert [item["question"] for item in page["items"]] == ["Question 1?", "Question 2?"]
    assert await redis.hlen(f"{{{person.session_id}}}:details") == 2


async def test_a_staff_members_own_token_is_no_session(service: ApiService) -> None:
    """Session paths refuse a token that is not a session's."""
    staff = service.services.tokens.issue_staff("eva", Role.ADMIN, ttl=timedelta(hours=1))
    client = Client(service.http, "none", staff.text)

    for attempt in (
        client.post("/chat", {"message": "Hi"}),
        client.get("/chat/history"),
        client.delete("/chat/session"),
    ):
        assert (await attempt).status_code == 403


async def test_history_survives_the_loss_of_details(person: Client, redis: Redis) -> None:
    """Where a full Redis dropped the details, question and answer are still shown."""
    await person.ask("Hi")
    await redis.delete(f"{{{person.session_id}}}:details")

    item = (await person.get("/chat/history")).json()["items"][0]

    assert (item["question"], item["text"]) == ("Hi", "Yes, it is so.")
    assert item["metadata"] is None
