"""Policy versions, and how a fleet follows the active one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from api.embedded_redis import EmbeddedRedis
from guardrails.holder import Equipment, RailsHolder
from guardrails.policy import load_policy
from guardrails.source import PolicyError
from guardrails.versions import PolicyStore, Publisher, RedisPublisher, StorePublisher
from tests.fakes.fixed_classifier import FixedClassifier
from tests.fakes.small_policy import edit

QUICK = timedelta(milliseconds=50)


@pytest.fixture
def store(tmp_path: Path) -> PolicyStore:
    return PolicyStore(tmp_path / "policies")


def edited(folder: Path, number: int = 1) -> Path:
    with (folder / "strictness.yml").open("a") as file:
        file.write(f"# {number}\n")
    return folder


def test_a_version_is_kept_as_it_was(folder: Path, store: PolicyStore) -> None:
    """Later edits of the folder do not reach it, and nobody can write to it."""
    version = store.save(folder)
    edited(folder)
    kept = store.folder(version)
    assert load_policy(kept).version == version
    assert store.save(folder) != version
    assert set(store.versions()) == {version, store.save(folder)}
    assert not (kept / "strictness.yml").stat().st_mode & 0o222


def test_an_archive_is_the_same_everywhere(
    folder: Path, store: PolicyStore, tmp_path: Path
) -> None:
    """Another machine unpacks the same version from it."""
    version = store.save(folder)
    archive = store.pack(version)
    assert store.pack(version) == archive
    other = PolicyStore(tmp_path / "other")
    other.unpack(version, archive)
    other.unpack(version, archive)
    assert load_policy(other.folder(version)).version == version


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"PK\x03\x04 cut"])
def test_a_damaged_archive_is_refused(store: PolicyStore, damage: bytes) -> None:
    """Nothing is kept of it."""
    with pytest.raises(PolicyError, match="no archive"):
        store.unpack("0" * 12, damage)
    assert store.versions() == ()


def test_an_archive_under_another_name_is_refused(folder: Path, store: PolicyStore) -> None:
    """A version is its content."""
    archive = store.pack(store.save(folder))
    with pytest.raises(PolicyError, match="another version's"):
        store.unpack("0" * 12, archive)


@pytest.mark.parametrize("version", ["0" * 12, "../../etc", "active", ""])
def test_an_unknown_version_is_refused(store: PolicyStore, version: str) -> None:
    """And no path leads out of the store."""
    with pytest.raises(PolicyError, match="no such version"):
        store.folder(version)


def test_the_history_tells_what_was_in_force(folder: Path, store: PolicyStore) -> None:
    """Who, when and why; the last entry is active, a damaged line is skipped."""
    assert (store.active, store.history()) == (None, ())
    first = store.save(folder)
    store.record(first, by="eva", note="start")
    second = store.save(edited(folder))
    store.record(second, by="eva", note="edit")
    with (store._history).open("ab") as history:
        history.write(b'{"version": "x"\n')
    store.record(first, by="eva", note="roll back")
    assert [(one.version, one.note) for one in store.history()] == [
        (first, "start"),
        (second, "edit"),
        (first, "roll back"),
    ]
    assert store.active == first
    with pytest.raises(PolicyError):
        store.record("0" * 12, by="eva", note="nothing")


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    """A real Redis on a socket."""
    server = EmbeddedRedis()
    client = Redis.from_url(await server.start())
    yield client
    await client.aclose()
    await server.stop()


async def holder_of(folder: Path) -> RailsHolder:
    return await RailsHolder.open(folder, Equipment(FixedClassifier()))


async def in_force(holder: RailsHolder, version: str) -> None:
    async with asyncio.timeout(2.0):
        while holder.current.policy.version != version:  # noqa: ASYNC110 - a holder has no event
            await asyncio.sleep(0.01)


async def test_two_machines_follow_what_is_published(
    folder: Path, tmp_path: Path, store: PolicyStore, redis: Redis
) -> None:
    """Within two seconds, from the archive, whatever their own folders hold."""
    publisher = RedisPublisher(redis)
    holders = [await holder_of(folder), await holder_of(folder)]
    stores = [PolicyStore(tmp_path / name) for name in ("a", "b")]
    async with (
        holders[0].following(publisher, stores[0]),
        holders[1].following(publisher, stores[1]),
    ):
        version = store.save(edited(folder))
        await publisher.publish(version, store.pack(version))
        await asyncio.gather(*(in_force(holder, version) for holder in holders))
    for holder in holders:
        await holder.aclose()


async def test_a_broken_version_keeps_the_old_one(
    folder: Path, store: PolicyStore, redis: Redis, tmp_path: Path
) -> None:
    """It is refused with its problems once, and the next one is taken."""
    holder = await holder_of(folder)
    before = holder.current.policy.version
    publisher = RedisPublisher(redis)
    async with holder.following(publisher, PolicyStore(tmp_path / "a"), poll=QUICK):
        edit(folder / "strictness.yml", "  message: 8000", "  mesage: 8000")
        broken = store.save(folder)
        await publisher.publish(broken, store.pack(broken))
        async with asyncio.timeout(2.0):
            while holder.last_error is None:  # noqa: ASYNC110 - a holder has no event
                await asyncio.sleep(0.01)
        assert holder.current.policy.version == before
        await publisher.publish("0" * 12, b"damaged")
        await asyncio.sleep(0.2)
        assert holder.current.policy.version == before
        edit(folder / "strictness.yml", "  mesage: 8000", "  message: 8001")
        good = store.save(folder)
        await publisher.publish(good, store.pack(good))
        await in_force(holder, good)
    await holder.aclose()


async def test_an_outage_of_redis_changes_nothing(folder: Path, tmp_path: Path) -> None:
    """What cannot be asked stays as it is."""
    holder = await holder_of(folder)
    before = holder.current
    client = Redis.from_url(f"unix://{tmp_path}/nothing.sock")
    async with holder.following(RedisPublisher(client), PolicyStore(tmp_path / "a"), poll=QUICK):
        await asyncio.sleep(0.2)
    assert holder.current is before
    assert await RedisPublisher(client).archive("0" * 12) is None
    await client.aclose()
    await holder.aclose()


async def test_without_redis_a_service_follows_its_data_folder(
    folder: Path, store: PolicyStore
) -> None:
    """And edits wait to be published from then on."""
    holder = await holder_of(folder)
    publisher: Publisher = StorePublisher(store)
    async with holder.watching(poll=QUICK), holder.following(publisher, store, poll=QUICK):
        version = store.save(edited(folder))
        store.record(version, by="eva", note="")
        await in_force(holder, version)
        edited(folder, 2)
        await asyncio.sleep(0.5)
        assert holder.current.policy.version == version
        later = store.save(folder)
        await publisher.publish(later, store.pack(later))
        await in_force(holder, later)
    await holder.aclose()
