"""A Redis for all tests of this folder, and a service for each."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from api.settings import RunSettings, Settings
from tests.fakes.api_service import ApiService, Client, redis_server, serving
from tests.fakes.scripted_chat import ScriptedBackend


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def settings(redis: Redis, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        redis_url=SecretStr(redis_url),
        records_url=SecretStr(redis_url),
        data_dir=tmp_path / "data",
        runs=RunSettings(
            grace=timedelta(milliseconds=200),
            flush=timedelta(milliseconds=10),
            drain=timedelta(seconds=1),
        ),
    )


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
async def service(settings: Settings, backend: ScriptedBackend) -> AsyncIterator[ApiService]:
    async with serving(settings, backend) as running:
        yield running


@pytest.fixture
async def person(service: ApiService) -> Client:
    return await service.client()
