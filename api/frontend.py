"""The built page, served by the service itself."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOREVER: Final = "public, max-age=31536000, immutable"
_ALWAYS_ASK: Final = "no-cache"
_NO_PAGES: Final = ("/api/", "/v1/", "/health/")
_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Covenant: the page is not built</title></head>
<body>
<h1>Covenant is running, but its page is not built</h1>
<p>Type <code>make run</code>, which builds it (Node 20 or newer), or build it alone with
<code>npm --prefix frontend ci &amp;&amp; npm --prefix frontend run build</code>, then reload.</p>
<p>The API works without it: see <a href="/docs">the documentation</a>.</p>
</body>
</html>
"""


def add_frontend(app: FastAPI, folder: Path) -> None:
    """Serve the page in `folder` below every path of the API, or say how to build it.

    A path that names no file is the page's own (`/rails`), if a browser asks for a page.
    """
    if (folder / "index.html").is_file():
        app.frontend("/", directory=folder, fallback="index.html")
        return

    async def not_built(_: Request) -> HTMLResponse:
        return HTMLResponse(_NOT_BUILT, status_code=503, headers={"Cache-Control": "no-store"})

    app.add_route("/", not_built, include_in_schema=False)


class Pages:
    """Keeps pages and API apart, and says how long browsers may keep what the build made.

    A browser that opens an unknown path of the API is told so and not shown the page.

    Names under `/assets/` hold a hash of their content, so they never change; every other file is
    asked for again and answered with 304 where it is the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(_NO_PAGES):
            _accept_no_pages(scope)
            await self.app(scope, receive, send)
            return

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 304):
                lasting = scope["path"].startswith("/assets/")
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", _FOREVER if lasting else _ALWAYS_ASK)
            await send(message)

        await self.app(scope, receive, dated)


def _accept_no_pages(scope: Scope) -> None:
    if "text/html" in Headers(scope=scope).get("accept", ""):
        kept = [(name, value) for name, value in scope["headers"] if name != b"accept"]
        scope["headers"] = [*kept, (b"accept", b"*/*")]
