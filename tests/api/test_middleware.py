"""What every request passes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.middleware import Faults
from api.settings import LimitSettings, Settings
from tests.fakes.api_service import ApiService, Client, serving
from tests.fakes.scripted_chat import ScriptedBackend


async def test_a_well_formed_request_id_is_kept(service: ApiService) -> None:
    """The client's request id comes back; what is not well formed is replaced."""
    kept = await service.http.get("/health/live", headers={"X-Request-Id": "client-0001.a"})
    replaced = [
        await service.http.get("/health/live", headers={"X-Request-Id": wrong})
        for wrong in ("short", "x" * 65, "with space", "<script>", "")
    ]
    new = await service.http.get("/health/live")

    assert kept.headers["x-request-id"] == "client-0001.a"
    assert all(answer.headers["x-request-id"].startswith("req_") for answer in replaced)
    assert new.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("path", ["/", "/health/live", "/docs", "/api/v1/nothing", "/api/v1/chat"])
async def test_every_answer_carries_security_headers(service: ApiService, path: str) -> None:
    """Pages, answers and errors alike forbid foreign scripts, frames, sniffing and referrers."""
    headers = (await service.http.get(path)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_other_origins_are_closed_by_default(service: ApiService) -> None:
    """No other web origin may read an answer."""
    response = await service.http.options(
        "/api/v1/chat",
        headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"},
    )
    answer = await service.http.get("/health/live", headers={"Origin": "https://a.example"})

    assert response.status_code == 405
    assert "access-control-allow-origin" not in {**response.headers, **answer.headers}


async def test_a_named_origin_may_call(settings: Settings, backend: ScriptedBackend) -> None:
    """An allowed origin is answered, others are not."""
    opened = settings.model_copy(update={"allowed_origins": ("https://a.example",)})
    async with serving(opened, backend) as service:
        preflight = {"Access-Control-Request-Method": "POST"}
        yes = await service.http.options(
            "/api/v1/chat", headers={"Origin": "https://a.example", **preflight}
        )
        no = await service.http.options(
            "/api/v1/chat", headers={"Origin": "https://b.example", **preflight}
        )

    assert yes.headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-origin" not in no.headers


async def test_a_long_body_is_refused(settings: Settings, backend: ScriptedBackend) -> None:
    """A body over the limit is 413, whether its length is declared or not."""
    tight = settings.model_copy(update={"limits": LimitSettings(body_bytes=2048)})

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 1024

    async with serving(tight, backend) as service:
        person = await service.client()
        declared = await person.post("/chat", {"message": "x" * 4000})
        chunked = await person.http.post(
            "/api/v1/chat",
            content=chunks(),
            headers={**person.auth, "Content-Type": "application/json"},
        )

    for response in (declared, chunked):
        assert response.status_code == 413
        assert response.json()["code"] == "bad_request"


async def test_a_request_is_one_log_line_without_content(person: Client) -> None:
    """The log names id, route, status and time, and nothing a person wrote."""
    with capture_logs() as logs:
        await person.post("/chat", {"message": "canary-4410"}, params={"q": "canary-4410"})
        await person.get("/sources/canary-4410")
        await asyncio.sleep(0.01)

    lines = [line for line in logs if line["event"] == "request"]
    assert len(lines) == 2
    assert lines[0]["route"] == "/api/v1/chat"
    assert lines[1]["route"] == "/api/v1/sources/{source_id}"
    assert lines[0]["status"] == 200
    assert lines[0]["request_id"].startswith("req_")
    assert lines[0]["ms"] > 0
    run = next(line for line in logs if line["event"] == "run")
    assert run["status"] == "completed"
    assert run["request_id"] == lines[0]["request_id"]
    for secret in ("canary-4410", person.token, person.session_id):
        assert secret not in str(logs)


async def test_a_failure_after_the_answer_began_is_not_answered_twice() -> None:
    """Once an answer has begun, a defect ends it and adds nothing to it."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("canary")

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with capture_logs() as logs:
        await Faults(app)({"type": "http", "headers": []}, receive, send)

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert logs[0]["error"] == "RuntimeError"


def test_no_secret_shows_in_the_settings_repr(settings: Settings) -> None:
    """Settings can be printed without telling a key or a URL with a password."""
    hidden = settings.model_copy(update={"redis_url": SecretStr("redis://:canary@host")})

    assert "canary" not in repr(hidden)


async def test_no_cache_keeps_an_answer(person: Client) -> None:
    """What the API answers, errors included, is stored nowhere on the way."""
    for response in (
        await person.post("/chat", {"message": "Hi"}),
        await person.get("/chat/history"),
        await person.get("/sources/p9"),
        await person.http.get("/health/ready"),
    ):
        assert response.headers["cache-control"] == "no-store"
