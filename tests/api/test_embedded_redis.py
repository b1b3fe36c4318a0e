import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from api.embedded_redis import EmbeddedRedis, redis_server_binary
from chains.errors import ServiceUnavailableError

ROOT = Path(__file__).parents[2]


async def test_serves_redis_on_a_private_socket() -> None:
    """A started server answers on a unix socket that only its owner may open."""
    server = EmbeddedRedis()
    url = await server.start()
    try:
        async with Redis.from_url(url) as client:
            await client.set("key", "value")
            assert await client.get("key") == b"value"
        assert Path(url.removeprefix("unix://")).stat().st_mode & 0o077 == 0
    finally:
        await server.stop()


async def test_the_volatile_server_keeps_nothing_on_disk() -> None:
    """After writes and a stop there is no file of it left, not even an empty folder."""
    server = EmbeddedRedis()
    home = Path((await server.start()).removeprefix("unix://")).parent
    async with Redis.from_url(server.url) as client:
        await client.set("secret", "words")
        assert [path.name for path in home.iterdir()] == ["redis.sock"]

    await server.stop()

    assert not home.exists()


async def test_the_durable_server_remembers(tmp_path: Path) -> None:
    """Records written before a stop are there after the next start."""
    server = EmbeddedRedis(tmp_path / "records")
    async with Redis.from_url(await server.start()) as client:
        await client.set("appeal", "1")
    await server.stop()

    async with Redis.from_url(await server.start()) as client:
        assert await client.get("appeal") == b"1"
    await server.stop()


async def test_what_was_erased_leaves_the_file_too(tmp_path: Path) -> None:
    """After a restart the file no longer holds the words of a deleted record."""
    server = EmbeddedRedis(tmp_path)
    async with Redis.from_url(await server.start()) as client:
        await client.set("appeal", "zanzibar-canary")
        await client.delete("appeal")
    await server.stop()

    async with Redis.from_url(await server.start()) as client:
        for _ in range(500):
            if not (await client.info("persistence"))["aof_rewrite_in_progress"]:
                break
            await asyncio.sleep(0.01)
    await server.stop()

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"zanzibar-canary" in path.read_bytes() for path in files)


async def test_two_servers_never_share_one_file(tmp_path: Path) -> None:
    """A second server on the same records is refused with a sentence that says what to do."""
    first = EmbeddedRedis(tmp_path)
    await first.start()
    try:
        with pytest.raises(ServiceUnavailableError, match="COVENANT_DATA_DIR"):
            await EmbeddedRedis(tmp_path).start()
    finally:
        await first.stop()


async def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """A server that cannot read its records says where they are, and leaves nothing running."""
    (tmp_path / "appendonly.aof").write_bytes(b"*not redis\r\n")

    with pytest.raises(ServiceUnavailableError, match=str(tmp_path)):
        await EmbeddedRedis(tmp_path).start()


async def test_a_missing_binary_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any redis-server the error says how to get one."""
    monkeypatch.setattr("api.embedded_redis.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)

    with pytest.raises(ServiceUnavailableError, match="COVENANT_REDIS_URL"):
        await EmbeddedRedis().start()


def test_another_redis_on_the_path_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the wheel brings no binary, one on the PATH is used."""
    monkeypatch.setattr("api.embedded_redis.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: str(tmp_path / "redis-server"))

    assert redis_server_binary() == tmp_path / "redis-server"


def test_a_stopped_server_has_no_address() -> None:
    """Asking for the address of a server that is not running is refused."""
    with pytest.raises(ServiceUnavailableError):
        _ = EmbeddedRedis().url


async def test_a_killed_parent_leaves_no_server_behind() -> None:
    """When the process that started it is killed, the server ends and its folder goes."""
    code = (
        "import asyncio\n"
        "from api.embedded_redis import EmbeddedRedis\n"
        "async def main():\n"
        "    print(await EmbeddedRedis().start(), flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    parent = subprocess.Popen(  # noqa: ASYNC220, S603 - our own interpreter, read line by line
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    )
    assert parent.stdout is not None
    url = await asyncio.to_thread(parent.stdout.readline)
    home = Path(url.strip().removeprefix("unix://")).parent
    assert home.exists()

    parent.kill()
    parent.wait()
    parent.stdout.close()

    for _ in range(100):
        if not home.exists():
            break
        await asyncio.sleep(0.05)
    assert not home.exists()
