"""Every error leaves as a problem that says what to do and repeats nothing."""

import inspect
from datetime import timedelta
from http import HTTPStatus

import pytest
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from api import problems
from api.problems import KINDS, error_of, event_of, foreign, invalid, problem_of, response_of
from chains import errors
from chains.errors import (
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CovenantError,
    ForbiddenError,
    InternalError,
    NotFoundError,
    ServiceUnavailableError,
)
from chains.events import ErrorEvent
from tests.fakes.api_service import ApiService, Client
from tests.fakes.scripted_chat import FakePassages


def test_every_error_of_ours_is_mapped() -> None:
    """No class of the error tree is missing from the map, and none is mapped that is gone."""
    ours = {
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, CovenantError)
    }

    assert ours == set(KINDS)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadRequestError("No."), 400, "bad_request"),
        (BadRequestError("No.", too_large=True), 413, "bad_request"),
        (AuthenticationError("No."), 401, "authentication"),
        (ForbiddenError("No."), 403, "forbidden"),
        (NotFoundError("No."), 404, "not_found"),
        (BudgetExceededError("No.", whole_service=False), 429, "budget_exhausted"),
        (BudgetExceededError("No.", whole_service=True), 503, "budget_exhausted"),
        (ServiceUnavailableError("No."), 503, "service_unavailable"),
        (InternalError("No."), 500, "internal"),
    ],
)
def test_status_and_code_follow_the_contract(error: CovenantError, status: int, code: str) -> None:
    """Each class has the status and code of the contract."""
    problem = problem_of(error, "req_1")

    assert (problem.status, problem.code) == (status, code)
    assert problem.type == f"urn:covenant:problem:{code}"
    assert problem.request_id == "req_1"


def test_a_defect_never_tells_its_cause() -> None:
    """What an internal error says stays inside."""
    problem = problem_of(InternalError("canary: the table is missing"), "req_1")

    assert "canary" not in problem.model_dump_json()


def test_a_response_says_when_to_come_back() -> None:
    """Retry-After is in whole seconds and never 0; 401 says how to authenticate."""
    soon = ServiceUnavailableError("Later.", retry_after=timedelta(milliseconds=20))

    assert response_of(soon, {"path": "/api/v1/chat", "headers": []}).headers["retry-after"] == "1"
    refused = response_of(AuthenticationError("No."), {"path": "/", "headers": []})
    assert refused.headers["www-authenticate"] == 'Bearer realm="covenant"'


def test_an_error_event_carries_the_same_problem() -> None:
    """Inside a stream the problem is the same, and can be read back."""
    error = ServiceUnavailableError("Later.", retry_after=timedelta(seconds=2))

    event = event_of(error, "req_1")

    assert event.detail == "Later."
    assert event.retry_after_s == 2
    back = error_of(event)
    assert isinstance(back, ServiceUnavailableError)
    assert back.retry_after == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadRequestError), (413, BadRequestError), (500, InternalError)]
)
def test_other_events_are_read_back_by_status(status: int, kind: type[CovenantError]) -> None:
    """An error event becomes an error of the right kind again."""
    event = ErrorEvent(title="T", status=status, detail="D", code="c", request_id="r")

    assert isinstance(error_of(event), kind)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "not_found"),
        (413, "bad_request"),
        (405, "bad_request"),
        (400, "bad_request"),
        (500, "internal"),
    ],
)
def test_the_frameworks_errors_become_ours(status: int, code: str) -> None:
    """Whatever the framework raises has a class of ours."""
    assert foreign(HTTPException(status, detail="canary")).code == code
    assert "canary" not in foreign(HTTPException(status, detail="canary")).message


def test_validation_repeats_no_value_and_no_made_up_name() -> None:
    """Neither values, nor unknown fields' names, nor keys of a mapping are repeated."""
    error = invalid(
        [
            {"loc": ("body", "extra-canary"), "type": "extra_forbidden", "msg": "canary"},
            {"loc": ("body", "when"), "type": "datetime_parsing", "msg": "canary in input"},
            {"loc": ("body", "map", "canary with spaces"), "type": "int_type", "msg": "canary"},
            {"loc": ("body", 17), "type": "json_invalid", "msg": "canary"},
        ]
    )

    assert "canary" not in str(error.fields)
    assert ("when", "is not valid") in error.fields


async def test_unknown_paths_and_methods_are_problems(service: ApiService) -> None:
    """404 and 405 are problem documents; 405 says what is allowed."""
    missing = await service.http.get("/api/v1/canary-path")
    wrong = await service.http.put("/api/v1/chat/start")

    assert missing.status_code == 404
    assert missing.json()["code"] == "not_found"
    assert "canary" not in missing.text
    assert wrong.status_code == 405
    assert wrong.json()["status"] == 405
    assert "POST" in wrong.headers["allow"]
    assert wrong.headers["content-type"] == "application/problem+json"


async def test_a_body_that_is_no_json_is_a_problem(person: Client) -> None:
    """Broken JSON is 400 and is not repeated."""
    response = await person.http.post(
        "/api/v1/chat",
        content=b'{"message": "canary',
        headers={**person.auth, "Content-Type": "application/json"},
    )

    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "body", "reason": "is not valid JSON"}]


async def test_an_unexpected_exception_says_nothing(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect answers 500 without detail; the log has its class and place, not its message."""

    async def broken(self: object, passage_id: str) -> None:
        raise RuntimeError(f"canary about {passage_id}")

    monkeypatch.setattr(FakePassages, "passage", broken)
    with capture_logs() as logs:
        response = await person.get("/sources/p1")

    assert response.status_code == 500
    assert response.json()["detail"] == problems.DEFECT
    assert response.headers["x-request-id"] == response.json()["request_id"]
    defect = next(line for line in logs if line["event"] == "defect")
    assert defect["error"] == "RuntimeError"
    assert "test_problems.py" in defect["at"]
    assert "canary" not in response.text + str(logs)


def test_titles_are_sentences_for_people() -> None:
    """Every kind has a title and a status of HTTP."""
    assert all(kind.title and isinstance(kind.status, HTTPStatus) for kind in KINDS.values())
