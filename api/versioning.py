"""Versions of the API: where they are served, and how they say goodbye.

A version that is replaced keeps working for six months. From the day its end is decided its
answers carry `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to its successor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALIASES = frozenset({"/api/chat", "/api/chat/start", "/api/chat/history"})
"""Paths that also answer without a version, as the current one."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the API."""

    name: str
    """As in the path, such as ``v1``."""
    deprecated: datetime | None = None
    """When it was, or will be, replaced."""
    sunset: datetime | None = None
    """When it stops working."""
    successor: str | None = None
    """Name of the version to move to."""

    @property
    def prefix(self) -> str:
        """Where it is served."""
        return f"/api/{self.name}"

    def headers(self) -> dict[str, str]:
        """What its answers carry."""
        headers: dict[str, str] = {}
        if self.deprecated is not None:
            headers["Deprecation"] = f"@{int(self.deprecated.timestamp())}"
        if self.sunset is not None:
            headers["Sunset"] = format_datetime(self.sunset.astimezone(UTC), usegmt=True)
        if self.successor is not None:
            headers["Link"] = f'</api/{self.successor}>; rel="successor-version"'
        return headers


class Versions:
    """Serves the unversioned paths as the current version; marks answers of those that end.

    Args:
        app: What serves the versioned paths.
        versions: All that are served, the current one last.
    """

    def __init__(self, app: ASGIApp, versions: Sequence[Version]) -> None:
        self.app = app
        self._current = versions[-1]
        self._ending = [(version.prefix, version.headers()) for version in versions]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            if scope["path"] in _ALIASES:
                # In place, so that the log outside sees the route that answers.
                scope["path"] = self._current.prefix + scope["path"].removeprefix("/api")
                scope["raw_path"] = scope["path"].encode()
            for prefix, headers in self._ending:
                if headers and scope["path"].startswith(f"{prefix}/"):
                    send = _with(headers, send)
        await self.app(scope, receive, send)


def _with(headers: dict[str, str], send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return marked
