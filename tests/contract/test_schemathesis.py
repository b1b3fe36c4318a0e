"""Every documented operation, asked what it was not meant for.

Schemathesis makes requests out of the OpenAPI document, valid and invalid. Whatever is answered,
it is no server error, its status, type and headers are documented, and its body fits its schema.
The service is the real application with a scripted chain, on loopback.
"""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import SecretStr
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.settings import LimitSettings, Settings
from tests.fakes.api_service import EVENTS, serving
from tests.fakes.event_stream import frames
from tests.fakes.scripted_chat import ScriptedBackend, answered, blocked

EXAMPLES = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STOPPED = "Stopped?"
ANSWERED: dict[str, dict[str, Any]] = {
    "/api/v1/chat": {"message": "Hi"},
    "/v1/chat/completions": {
        "model": "covenant",
        "messages": [{"role": "user", "content": "Hi"}],
    },
}
"""Requests that are answered, for operations whose made-up ones hardly ever are."""


@dataclass(frozen=True)
class Known:
    """What one session did."""

    token: str
    ids: dict[str, str]
    """Ids that exist, by the name of the path's parameter."""
    decision: str
    message: str


@pytest.fixture(scope="module")
def url(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service in a thread of its own: schemathesis asks without an event loop."""
    chosen = Settings(
        redis_url=SecretStr(redis_url),
        records_url=SecretStr(redis_url),
        data_dir=tmp_path_factory.mktemp("data"),
        limits=LimitSettings(enabled=False),
    )
    backend = ScriptedBackend()
    backend.chat.scripts = {STOPPED: blocked(), "Hi": answered("Yes.")}
    began = threading.Event()
    found: list[str] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        async with serving(chosen, backend) as service:
            done = asyncio.Event()
            stop.append((asyncio.get_running_loop(), done))
            found.append(service.url)
            began.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert began.wait(10)
    yield found[0]
    loop, done = stop[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)


def new_session(url: str) -> Known:
    """A session that asked once, was stopped once and appealed."""
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as http:
        token = http.post("/chat/start").json()["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        answer = http.post("/chat", json={"message": "Hi"}).json()
        stopped = http.post("/chat", json={"message": STOPPED}).json()
        decision = stopped["violation"]["decision_id"]
        appeal = http.post("/appeals", json={"decision_id": decision}).json()
    ids = {"run_id": answer["run_id"], "source_id": "p1", "appeal_id": appeal["id"]}
    return Known(token, ids, decision, answer["message_id"])


@dataclass
class Person:
    """One session for many requests, and a new one after it was erased."""

    url: str
    known: Known | None = None

    def asked(self) -> Known:
        """The session."""
        self.known = self.known or new_session(self.url)
        return self.known

    def leave(self) -> None:
        """The session is about to end."""
        self.known = None


@pytest.fixture(scope="module")
def person(url: str) -> Person:
    return Person(url)


document = schemathesis.openapi.from_dict(create_app(Settings()).openapi())


def ask(case: schemathesis.Case[Any], url: str, headers: dict[str, str]) -> None:
    """Send a request and hold its answer against the document."""
    answer = case.call(base_url=url, headers=headers)
    streamed = answer.headers.get("content-type", [""])[0].startswith("text/event-stream")
    if not streamed:
        case.validate_response(answer, checks=CHECKS)
        return
    # OpenAPI 3.1 has no word for the events of a stream; schemathesis reads `schema` as 3.2 would.
    case.validate_response(
        answer, checks=[check for check in CHECKS if check is not response_schema_conformance]
    )
    if case.path.startswith("/v1/"):  # OpenAI's chunks; its own client reads them elsewhere
        return
    events = list(frames(line + b"\n" for line in answer.content.split(b"\n")))
    assert events
    for event in events:
        EVENTS.validate_python(event.data)


@document.parametrize()
@EXAMPLES
def test_a_strangers_requests_are_answered_as_documented(
    case: schemathesis.Case[Any], url: str
) -> None:
    """Whatever is sent without a token is answered within the operation's description."""
    case.headers.pop("Authorization", None)

    ask(case, url, {})


@document.parametrize()
@EXAMPLES
def test_a_persons_requests_are_answered_as_documented(
    case: schemathesis.Case[Any], url: str, person: Person
) -> None:
    """Whatever is sent with a good token is, too: for ids made up and for ids that exist."""
    known = person.asked()
    if case.method == "DELETE":
        person.leave()
    auth = {"Authorization": f"Bearer {known.token}"}
    ask(case, url, auth)
    case.path_parameters.update(
        {name: value for name, value in known.ids.items() if name in case.path_parameters}
    )
    if isinstance(case.body, dict):
        ids = {"decision_id": known.decision, "message_id": known.message, "model": "covenant"}
        case.body.update({name: value for name, value in ids.items() if name in case.body})
        if case.path in ANSWERED:
            # What is made up is hardly ever a question; the rest of the request stays as it is.
            case.query.pop("trace", None)
            case.body = {**ANSWERED[case.path], "stream": case.body.get("stream") is True}
            if case.path == "/api/v1/chat":
                del case.body["stream"]
    ask(case, url, auth)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_the_examples_reach_what_they_are_meant_for(url: str, accept: str) -> None:
    """The scripted session is one that works: what is known exists, and is answered with 2xx."""
    asked = new_session(url)
    auth = {"Authorization": f"Bearer {asked.token}", "Accept": accept}
    with httpx.Client(base_url=f"{url}/api/v1", headers=auth, trust_env=False) as http:
        answers = [
            http.get(f"/runs/{asked.ids['run_id']}/events"),
            http.get(f"/sources/{asked.ids['source_id']}"),
            http.get(f"/appeals/{asked.ids['appeal_id']}"),
            http.post("/feedback", json={"message_id": asked.message, "rating": "up"}),
            http.post("/chat", json={"message": "Hi"}),
        ]

    assert all(answer.is_success for answer in answers)
