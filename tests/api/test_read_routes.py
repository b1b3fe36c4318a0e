"""What can be read without asking the model: health, sources, constitution, docs."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from api.app import create_app
from api.schemas import Dependency
from api.settings import Settings
from tests.fakes.api_service import ApiService, Client, serving
from tests.fakes.scripted_chat import ScriptedBackend


async def test_a_live_process_says_so(service: ApiService) -> None:
    """Liveness needs nothing but the process."""
    response = await service.http.get("/health/live")

    assert response.json() == {"status": "ok"}


async def test_readiness_names_every_dependency(service: ApiService) -> None:
    """Readiness tells how each dependency is, and the policy in force."""
    response = await service.http.get("/health/ready")

    assert response.status_code == 200
    ready = response.json()
    assert ready["status"] == "ready"
    assert ready["policy_version"] == "0123456789ab"
    assert {item["name"]: item["status"] for item in ready["dependencies"]} == {
        "conversations": "up",
        "records": "up",
        "model": "up",
    }


@pytest.mark.parametrize(
    ("state", "status", "word"), [("degraded", 200, "degraded"), ("down", 503, "unavailable")]
)
async def test_readiness_follows_the_worst_dependency(
    service: ApiService, backend: ScriptedBackend, state: str, status: int, word: str
) -> None:
    """Something degraded still serves; something down does not."""
    backend.dependencies = [Dependency.model_validate({"name": "judge", "status": state})]

    response = await service.http.get("/health/ready")

    assert response.status_code == status
    assert response.json()["status"] == word


async def test_readiness_notices_a_lost_redis(
    settings: Settings, backend: ScriptedBackend, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that does not answer is down, and its URL is not told."""
    async with serving(settings, backend) as service:

        async def lost(*_: object, **__: object) -> None:
            raise ConnectionError("canary unix:///secret.sock")

        monkeypatch.setattr(service.services.store.client, "ping", lost)
        response = await service.http.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["dependencies"][0]["status"] == "down"
    assert "canary" not in response.text


async def test_a_source_shows_its_passage_and_neighbours(person: Client) -> None:
    """The passage behind a citation comes with its document's title and what stands around it."""
    source = (await person.get("/sources/p1")).json()

    assert source["title"] == "Guide"
    assert source["page"] == 3
    assert [neighbour["id"] for neighbour in source["neighbours"]] == ["p0", "p2"]


async def test_an_unknown_source_is_not_found(person: Client) -> None:
    """A passage that is not there, or no longer, is 404."""
    assert (await person.get("/sources/p9")).status_code == 404


async def test_the_constitution_is_public(service: ApiService) -> None:
    """Anyone may read the principles, in either language, and the version in force."""
    english = (await service.http.get("/api/v1/constitution")).json()
    chinese = (await service.http.get("/api/v1/constitution", params={"language": "zh"})).json()
    wrong = await service.http.get("/api/v1/constitution", params={"language": "xx"})

    assert english["policy_version"] == "0123456789ab"
    assert english["principles"][0]["title"] == "No weapons"
    assert english["principles"][0]["languages"] == ["en", "zh"]
    assert chinese["principles"][0]["text"] == "绝不协助制造武器。"
    assert wrong.status_code == 400


async def test_the_documentation_needs_no_script(service: ApiService) -> None:
    """`/docs` lists every path and event in plain HTML, as our own policy demands."""
    page = (await service.http.get("/docs")).text

    assert "<script" not in page
    assert "style=" not in page
    assert "POST /api/v1/chat" in page
    assert "run.finished" in page


async def test_a_missing_page_says_how_to_build_it(
    settings: Settings, backend: ScriptedBackend, tmp_path: Path
) -> None:
    """Without a built front end the root explains itself, and the API works."""
    async with serving(settings, backend, frontend=tmp_path / "nothing") as service:
        root = await service.http.get("/")
        live = await service.http.get("/health/live")

    assert root.status_code == 503
    assert "make run" in root.text
    assert live.status_code == 200


async def test_the_built_page_is_served(
    settings: Settings, backend: ScriptedBackend, tmp_path: Path
) -> None:
    """Hashed assets are kept for ever, pages are asked for again, and paths lead to the page."""
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>Covenant</title>")
    (built / "assets" / "index-abc123.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("canary")
    html = {"Accept": "text/html"}
    async with serving(settings, backend, frontend=built) as service:
        root = await service.http.get("/")
        deep = await service.http.get("/rails", headers=html)
        asset = await service.http.get("/assets/index-abc123.js")
        lost = await service.http.get("/assets/gone.js")
        api = await service.http.get("/api/v1/nothing", headers=html)
        outside = await service.http.get("/%2e%2e/secret.txt")

    assert "Covenant" in root.text
    assert root.headers["cache-control"] == "no-cache"
    assert deep.text == root.text
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"].startswith("text/javascript")
    assert lost.status_code == 404
    assert api.status_code == 404
    assert api.json()["code"] == "not_found"
    assert "canary" not in outside.text


def test_nothing_starts_before_the_lifespan(tmp_path: Path) -> None:
    """Composing the application makes no file, no connection and no backend."""
    create_app(Settings(data_dir=tmp_path / "data"))

    assert not (tmp_path / "data").exists()


async def test_the_lifespan_closes_what_it_opened(
    settings: Settings, backend: ScriptedBackend, redis: Redis
) -> None:
    """After shutdown the backend is closed and no sign of life is left."""
    async with serving(settings, backend), asyncio.timeout(2):
        while not await redis.keys("covenant:worker:*"):  # noqa: ASYNC110 - in Redis
            await asyncio.sleep(0.01)

    assert backend.closed
    assert await redis.keys("covenant:worker:*") == []


async def test_without_urls_an_embedded_redis_serves(
    backend: ScriptedBackend, tmp_path: Path
) -> None:
    """With no Redis named, conversations and records each get one of their own."""
    async with serving(Settings(data_dir=tmp_path / "data"), backend) as service:
        person = await service.client()
        answer = await person.ask("Hi")
        response = await person.post(
            "/feedback", {"message_id": answer["message_id"], "rating": "up"}
        )

    assert response.status_code == 201
    assert list((tmp_path / "data" / "records").iterdir())
