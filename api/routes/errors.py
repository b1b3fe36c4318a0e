"""Which problems a route can answer with, as OpenAPI lists them."""

from http import HTTPStatus
from typing import Any

from api.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

_WORDS: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The request is not valid; `errors` names fields and reasons.",
    HTTPStatus.UNAUTHORIZED: "There is no valid token, or the session has ended.",
    HTTPStatus.FORBIDDEN: "The token is valid, its role is not enough.",
    HTTPStatus.NOT_FOUND: "Nothing of that name that you may see.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The path does not take that method.",
    HTTPStatus.CONFLICT: "The request contradicts the present state.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body or the message is too long.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A principle does not allow this text to be kept.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; `Retry-After` says when to come back.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A defect of ours.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available right now; `Retry-After` says when to try.",
}


def problems(*statuses: HTTPStatus, schema: str = "Problem") -> Responses:
    """Document the problems of a route; every route may also answer 500 and 503.

    Args:
        statuses: Which it may answer besides.
        schema: Name of what describes them.
    """
    always = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
    return {
        status.value: {
            "description": _WORDS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        }
        for status in (*statuses, *always)
    }
