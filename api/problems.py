"""Every error as RFC 9457 problem, mapped in this one place.

Nothing here repeats what a client sent: no value, no unknown field's name, no exception's text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from api.openai_schemas import OpenAIError
from api.request_ids import request_id
from chains.errors import (
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    ConflictError,
    ConstitutionalViolationError,
    CovenantError,
    ForbiddenError,
    InternalError,
    ModelInterruptedError,
    ModelUnavailableError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
)
from chains.events import ErrorEvent, FieldError, Problem

MEDIA_TYPE = "application/problem+json"
DEFECT = "Something went wrong on our side. Nothing you sent was kept; please try again."


@dataclass(frozen=True, slots=True)
class Kind:
    """How one class of error leaves over HTTP."""

    status: HTTPStatus
    title: str


KINDS: dict[type[CovenantError], Kind] = {
    BadRequestError: Kind(HTTPStatus.BAD_REQUEST, "The request is not valid"),
    AuthenticationError: Kind(HTTPStatus.UNAUTHORIZED, "A valid token is needed"),
    ForbiddenError: Kind(HTTPStatus.FORBIDDEN, "This needs another role"),
    NotFoundError: Kind(HTTPStatus.NOT_FOUND, "Not found"),
    ConflictError: Kind(HTTPStatus.CONFLICT, "This contradicts the present state"),
    RateLimitError: Kind(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    BudgetExceededError: Kind(HTTPStatus.TOO_MANY_REQUESTS, "The budget is spent"),
    ServiceUnavailableError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Not available right now"),
    ModelUnavailableError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "No model answers right now"),
    ModelInterruptedError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "The answer was interrupted"),
    ConstitutionalViolationError: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "A principle does not allow this text"
    ),
    InternalError: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong"),
    CovenantError: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong"),
}
"""One entry for each class of `chains.errors`; a test proves that none is missing."""

# What a client reads of a failed validation: ours, because pydantic's own sentences may quote.
_REASONS = {
    "missing": "is required",
    "extra_forbidden": "has a field that is not known",
    "json_invalid": "is not valid JSON",
    "string_type": "must be a string",
    "string_too_long": "is too long",
    "string_too_short": "is too short",
    "string_pattern_mismatch": "has characters that are not allowed",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "is not one of the allowed values",
    "enum": "is not one of the allowed values",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}
_FIELD = re.compile(r"[A-Za-z0-9_-]{1,40}")


def problem_of(error: CovenantError, request: str) -> Problem:
    """Describe an error to a client.

    Args:
        error: Ours; map foreign ones first.
        request: The request's id.
    """
    kind = next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)
    status = kind.status
    fields: tuple[FieldError, ...] | None = None
    if isinstance(error, BadRequestError):
        if error.too_large:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        fields = tuple(FieldError(field=name, reason=why) for name, why in error.fields) or None
    elif isinstance(error, BudgetExceededError) and error.whole_service:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    detail = DEFECT if status is HTTPStatus.INTERNAL_SERVER_ERROR else error.message
    wait = error.retry_after
    return Problem(
        type=f"urn:covenant:problem:{error.code}",
        title=kind.title,
        status=status,
        detail=detail,
        code=error.code,
        request_id=request,
        retry_after_s=None if wait is None else wait.total_seconds(),
        errors=fields,
    )


def event_of(error: CovenantError, request: str) -> ErrorEvent:
    """Describe an error inside a stream that has begun."""
    problem = problem_of(error, request)
    return ErrorEvent(
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        request_id=problem.request_id,
        retry_after_s=problem.retry_after_s,
    )


def openai_error(problem: Problem | ErrorEvent) -> OpenAIError:
    """The same problem as OpenAI's clients read it."""
    ours = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return OpenAIError(
        message=problem.detail,
        type="server_error" if ours else "invalid_request_error",
        code=problem.code,
    )


def error_of(event: ErrorEvent) -> CovenantError:
    """The error an event described, for answers that are not streams."""
    wait = None if event.retry_after_s is None else timedelta(seconds=event.retry_after_s)
    if event.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ServiceUnavailableError(event.detail, retry_after=wait)
    if event.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadRequestError(event.detail)
    return InternalError("The run failed.")


def response_of(
    error: CovenantError,
    scope: Scope,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build the HTTP answer for an error.

    Args:
        error: Ours.
        scope: The request's. Under ``/v1/`` the problem has an `error` member besides, as OpenAI
            clients read it.
        status: Another status than the error's own, where HTTP has a finer one (405).
        headers: Sent with it.
    """
    problem = problem_of(error, request_id(scope))
    if status is not None:
        problem = problem.model_copy(update={"status": status})
    extra = dict(headers or {})
    if problem.status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = 'Bearer realm="covenant"'
    if problem.retry_after_s is not None:
        # Whole seconds, and never 0: that would read as "at once".
        extra["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    document = problem.model_dump(exclude_none=True)
    if scope["path"].startswith("/v1/"):
        document["error"] = openai_error(problem).model_dump()
    return Response(
        orjson.dumps(document),
        status_code=problem.status,
        headers=extra,
        media_type=MEDIA_TYPE,
    )


def foreign(error: HTTPException) -> CovenantError:
    """Map what the framework raises to ours."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFoundError("There is nothing here.")
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return BadRequestError("The request is too large.", too_large=True)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return BadRequestError("This path does not take that method.")
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadRequestError("The request could not be read.")
    return InternalError("The framework failed.")


def invalid(errors: Sequence[Any]) -> BadRequestError:
    """Map failed validation, naming fields and reasons without repeating the input."""
    fields: dict[str, str] = {}
    for problem in errors:
        path = list(problem["loc"])
        kind = problem["type"]
        if kind == "json_invalid":
            path = ["body"]
        elif kind == "extra_forbidden":
            path = path[:-1]  # the last part is a name the client made up
        known = [str(part) for part in path if _FIELD.fullmatch(str(part))]
        name = ".".join(known[1:] if len(known) > 1 else known) or "body"
        reason = _REASONS.get(kind, "is not valid")
        if kind == "value_error":
            reason = str(problem["msg"]).removeprefix("Value error, ")  # our own validators' words
        fields[name] = reason
    return BadRequestError("Some fields are missing or not valid.", fields=tuple(fields.items()))


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem. Unknown exceptions are `api.middleware.Faults`'s."""

    async def ours(request: Request, error: Exception) -> Response:
        if not isinstance(error, CovenantError):
            raise error
        return response_of(error, request.scope)

    async def validation(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return response_of(invalid(error.errors()), request.scope)

    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        known = error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        return response_of(
            foreign(error),
            request.scope,
            status=error.status_code if known else None,
            headers=error.headers,
        )

    app.add_exception_handler(CovenantError, ours)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
