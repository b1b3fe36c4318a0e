"""The OpenAPI document: `python -m api.openapi > FILE` prints it without starting anything.

FastAPI's own 422 is left out, because validation answers 400 here; the stream's events are added
as one union, told apart by `type`; every route lists its problems.
"""

import sys
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from api.openai_schemas import OpenAIProblem
from chains.events import ChatEvent, Problem

_REF = "#/components/schemas/{model}"
_DESCRIPTION = """\
Every error is a problem document (RFC 9457). Every answer carries `X-Request-Id`.

A streamed answer is a sequence of `ChatEvent`s. It ends with `run.finished`; a stream that ends
without it was cut, and is resumed with `GET /api/v1/runs/{run_id}/events` and `Last-Event-ID`.
"""


def describe(app: FastAPI) -> None:
    """Give `app` its document, made when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_DESCRIPTION,
        routes=app.routes,
        openapi_version="3.1.0",
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"] = {
                status: response
                for status, response in operation["responses"].items()
                if "HTTPValidationError" not in str(response)
            }
    schemas.update(_events())
    _, problem = models_json_schema(
        [(Problem, "validation"), (OpenAIProblem, "validation")], ref_template=_REF
    )
    schemas.update(problem["$defs"])
    return document


def _events() -> dict[str, Any]:
    union = TypeAdapter(ChatEvent).json_schema(mode="serialization", ref_template=_REF)
    events: dict[str, Any] = union.pop("$defs")
    for event in events.values():
        # Events are sent whole: every field is always there, if only as null.
        event["required"] = list(event["properties"])
    return {**events, "ChatEvent": {"title": "ChatEvent", **union}}


def main() -> None:
    """Print the document."""
    # Imported here: the application imports this module.
    from api.app import create_app  # noqa: PLC0415 - see above
    from api.settings import Settings  # noqa: PLC0415 - see above

    document = create_app(Settings()).openapi()
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
