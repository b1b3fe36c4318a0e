"""The OpenAPI document is complete, true and printable without starting anything."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from api.app import create_app
from api.settings import Settings
from chains.errors import BadRequestError
from chains.events import ChatEvent, Problem
from tests.fakes.api_service import EVENTS, ApiService, Client
from tests.fakes.scripted_chat import EVERY_KIND, ScriptedBackend, blocked

PROMISED = {
    ("post", "/api/v1/chat/start"),
    ("post", "/api/v1/chat/refresh"),
    ("post", "/api/v1/chat"),
    ("get", "/api/v1/runs/{run_id}/events"),
    ("post", "/api/v1/runs/{run_id}/stop"),
    ("get", "/api/v1/chat/history"),
    ("delete", "/api/v1/chat/session"),
    ("get", "/api/v1/sources/{source_id}"),
    ("post", "/api/v1/feedback"),
    ("post", "/api/v1/appeals"),
    ("get", "/api/v1/appeals/{appeal_id}"),
    ("get", "/api/v1/constitution"),
    ("post", "/v1/chat/completions"),
    ("get", "/v1/models"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def validate(document: dict[str, Any], name: str, value: object) -> None:
    """Hold a value against a schema of the document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator(schema).validate(value)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything the document describes."""
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_promised_path_is_there(document: dict[str, Any]) -> None:
    """The paths of the contract are described."""
    described = {(method, path) for method, path, _ in operations(document)}

    assert described >= PROMISED


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    """The version and the title are as promised, and every reference leads somewhere."""
    assert document["openapi"] == "3.1.0"
    names = set(document["components"]["schemas"])
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))

    assert used <= names


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    """Every documented error is problem+json; 422 is not what validation answers."""
    for method, path, operation in operations(document):
        if path.startswith("/health"):
            continue
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                assert list(response["content"]) == ["application/problem+json"], (method, path)
        assert "500" in operation["responses"], (method, path)
        assert "503" in operation["responses"], (method, path)
        if status_422 := operation["responses"].get("422"):
            assert path == "/api/v1/feedback"
            assert "principle" in status_422["description"]


def test_everything_says_what_it_does(document: dict[str, Any]) -> None:
    """Every operation has a description and an id of its own."""
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(ids)) == len(ids)
    assert all(operation["description"] for _, _, operation in operations(document))


def test_guarded_paths_ask_for_the_token(document: dict[str, Any]) -> None:
    """Everything but the open paths names the bearer scheme and documents 401."""
    for method, path, operation in operations(document):
        open_path = path.startswith("/health") or path.endswith("/constitution")
        assert ("security" in operation) is not open_path, (method, path)
        assert ("401" in operation["responses"]) is not open_path, (method, path)


def test_the_stream_is_one_union_told_apart_by_type(document: dict[str, Any]) -> None:
    """The event union lists every event class under its wire name."""
    union = document["components"]["schemas"]["ChatEvent"]
    kinds = get_args(get_args(ChatEvent)[0])
    mapping = {
        kind.model_fields["type"].default: f"#/components/schemas/{kind.__name__}" for kind in kinds
    }

    assert union["discriminator"] == {"propertyName": "type", "mapping": mapping}
    for path, method in (("/api/v1/chat", "post"), ("/api/v1/runs/{run_id}/events", "get")):
        content = document["paths"][path][method]["responses"]["200"]["content"]
        assert content["text/event-stream"]["schema"] == {"$ref": "#/components/schemas/ChatEvent"}
    for kind in kinds:
        schema = document["components"]["schemas"][kind.__name__]
        assert schema["required"] == list(kind.model_fields), kind


async def test_every_event_on_the_wire_fits_the_document(
    document: dict[str, Any], person: Client, backend: ScriptedBackend
) -> None:
    """Each event of every kind validates against the union and against its own class."""
    seen = set()
    for script in (EVERY_KIND, blocked(), [*EVERY_KIND[:3], BadRequestError("No.")]):
        backend.chat.script = script
        async with person.stream("All?") as reading:
            for frame in await reading.all():
                assert frame.data["type"] == frame.event
                validate(document, "ChatEvent", frame.data)
                EVENTS.validate_python(frame.data)
                seen.add(frame.event)

    kinds = get_args(get_args(ChatEvent)[0])
    assert seen == {kind.model_fields["type"].default for kind in kinds}


async def test_every_answer_fits_the_document(
    document: dict[str, Any], service: ApiService, backend: ScriptedBackend
) -> None:
    """What each path answers validates against what the document says of it."""
    started = await service.http.post("/api/v1/chat/start")
    validate(document, "StartAnswer", started.json())
    person = Client(service.http, started.json()["session_id"], started.json()["token"])
    validate(document, "TokenAnswer", (await person.post("/chat/refresh")).json())
    answer = await person.ask("Hi")
    validate(document, "ChatAnswer", answer)
    backend.chat.script = blocked()
    stopped = await person.ask("Bad?")
    validate(document, "ChatAnswer", stopped)
    for path, name in (
        ("/chat/history", "HistoryPage"),
        ("/sources/p1", "SourceView"),
        ("/constitution", "Constitution"),
        ("/sources/p9", "Problem"),
        ("/chat/history?limit=x", "Problem"),
    ):
        validate(document, name, (await person.get(path)).json())
    run = (await person.post(f"/runs/{answer['run_id']}/stop")).json()
    validate(document, "RunAnswer", run)
    feedback = {"message_id": answer["message_id"], "rating": "up"}
    validate(document, "FeedbackAnswer", (await person.post("/feedback", feedback)).json())
    appeal = {"decision_id": stopped["violation"]["decision_id"]}
    validate(document, "AppealAnswer", (await person.post("/appeals", appeal)).json())
    validate(document, "Readiness", (await service.http.get("/health/ready")).json())


def test_a_problem_has_what_rfc_9457_asks_for() -> None:
    """Type, title, status and detail are always there, with our code and the request's id."""
    required = {name for name, field in Problem.model_fields.items() if field.is_required()}

    assert required == {"title", "status", "detail", "code", "request_id"}


def test_the_document_is_printed_without_starting_anything(tmp_path: Path) -> None:
    """`python -m api.openapi` prints the same document and leaves nothing behind."""
    root = Path(__file__).parents[2]
    printed = subprocess.run(
        [sys.executable, "-m", "api.openapi"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )

    assert json.loads(printed.stdout) == create_app(Settings()).openapi()
    assert list(tmp_path.iterdir()) == []
