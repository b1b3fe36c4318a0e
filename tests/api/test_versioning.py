"""A version that ends says so in every answer."""

from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from api.app import VERSIONS
from api.versioning import Version, Versions

OLD = Version(
    "v1",
    deprecated=datetime(2027, 1, 1, tzinfo=UTC),
    sunset=datetime(2027, 7, 1, 12, tzinfo=UTC),
    successor="v2",
)


@pytest.fixture
def client() -> httpx.AsyncClient:
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    routes = [Route(path, echo) for path in ("/api/v1/chat", "/api/v2/chat", "/api/v10/chat")]
    app = Versions(Starlette(routes=routes), [OLD, Version("v2")])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_an_ending_version_carries_its_end(client: httpx.AsyncClient) -> None:
    """Deprecation, Sunset and the successor's link are on answers and errors of the old version."""
    for path in ("/api/v1/chat", "/api/v1/missing"):
        headers = (await client.get(path)).headers
        assert headers["deprecation"] == "@1798761600"
        assert headers["sunset"] == "Thu, 01 Jul 2027 12:00:00 GMT"
        assert headers["link"] == '</api/v2>; rel="successor-version"'


async def test_other_versions_do_not(client: httpx.AsyncClient) -> None:
    """The current version, and one whose name only begins alike, carry nothing."""
    for path in ("/api/v2/chat", "/api/v10/chat", "/api/chat"):
        assert "deprecation" not in (await client.get(path)).headers


async def test_paths_without_a_version_are_the_current_one(client: httpx.AsyncClient) -> None:
    """An alias is served by the current version."""
    assert (await client.get("/api/chat")).text == "/api/v2/chat"


def test_the_served_version_is_not_deprecated() -> None:
    """Today there is one version, and it has no end."""
    assert [version.headers() for version in VERSIONS] == [{}]
