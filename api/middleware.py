"""What every request passes, as pure ASGI: nothing here reads a body or hides a disconnect.

From outside in: `Requests` (id, headers, one log line), `Faults` (no exception leaves without a
problem), `BodyBound`.
"""

import re
import time
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import request_ids
from api.problems import response_of
from chains.errors import BadRequestError, CovenantError, InternalError

_PRIVATE = ("/api/", "/v1/", "/health/")
"""Paths whose answers no cache may keep."""
_VERSION = re.compile(r"/api/v\d+(?=/)")
_log = structlog.get_logger("covenant.http")

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
)


class Requests:
    """Gives each request its id, each answer its security headers, and the log one line.

    The line holds ids, the route's template, status and milliseconds: a path or query may hold
    what a person typed, so neither is written.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = request_ids.assign(scope)
        began = time.perf_counter()
        status = 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[request_ids.HEADER] = request
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(_PRIVATE):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, dressed)
        finally:
            _log.info(
                "request",
                request_id=request,
                method=scope["method"],
                route=_route(scope),
                status=status,
                ms=round((time.perf_counter() - began) * 1000, 1),
            )


def _route(scope: Scope) -> str | None:
    """The template of the path that answered, such as ``/api/v1/runs/{run_id}/stop``."""
    template: str | None = getattr(scope.get("route"), "path", None)
    version = _VERSION.match(scope["path"])
    if template is None or version is None:
        return template
    return version[0] + template.removeprefix(version[0])


class Faults:
    """Turns an exception nobody expected into a problem that says nothing of it.

    Only the exception's class and where it was raised are logged: its message may quote a person.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last line before the server's traceback
            known = error if isinstance(error, CovenantError) else InternalError("A defect.")
            if known is not error:
                _log.error("defect", request_id=request_ids.request_id(scope), **origin(error))
            if not begun:
                response = response_of(known, scope)
                await response(scope, receive, send)


def origin(error: BaseException) -> dict[str, str]:
    """Name an exception's class and place for the log, never its message."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames[-3:]))
    return {"error": type(error).__qualname__, "at": where}


class BodyBound:
    """Refuses a body longer than `limit` bytes, declared or not, before it is held in memory."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self.limit:
            raise BadRequestError(f"The request is longer than {self.limit} bytes.", too_large=True)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self.limit:
                    # FastAPI turns every other exception from here into a plain 400.
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self.app(scope, counted, send)
