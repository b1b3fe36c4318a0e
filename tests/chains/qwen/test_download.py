import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chains.errors import ConflictError, ServiceUnavailableError
from chains.qwen import download
from chains.qwen.catalogue import Weights
from chains.qwen.download import fetch_weights
from tests.fakes.scripted_qwen import Incoming, ScriptedQwen, Wire

DATA = b"GGUF" + bytes(range(256)) * 4096
WEIGHTS = Weights(
    name="tiny",
    repository="Qwen/Tiny-GGUF",
    revision="0123456789abcdef",
    file="Tiny-Q8_0.gguf",
    size=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
    memory=1,
    summary="",
)


class Hub:
    """A model hub with one file; breaks off as often as it is told to."""

    def __init__(self, server: ScriptedQwen) -> None:
        self.url = f"http://127.0.0.1:{server.port}"
        self.data = DATA
        self.ranges = True
        self.status = 200
        self.break_after: list[int] = []
        self.asked: list[tuple[str, str]] = []
        server.instead = self.serve

    async def serve(self, request: Incoming, wire: Wire) -> None:
        """Answer a download."""
        wanted = request.headers.get("range", "")
        self.asked.append((request.path, wanted))
        if self.status != 200:
            wire.answer({}, status=self.status)
            return
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        body = self.data[start:]
        if not self.break_after:
            wire.answer_bytes(body, "application/octet-stream", status=206 if start else 200)
            return
        wire.transport.write(
            f"HTTP/1.1 {206 if start else 200} OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body[: self.break_after.pop(0)]
        )
        wire.transport.close()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub on this machine."""
    async with ScriptedQwen() as server:
        yield Hub(server)


async def fetch(hub: Hub, folder: Path) -> list[int]:
    """Fetch the weights; return what progress was told."""
    told: list[int] = []
    model = await fetch_weights(WEIGHTS, folder, mirror=hub.url, progress=told.append)
    assert model.path.read_bytes() == DATA
    return told


async def test_weights_are_fetched_and_verified(hub: Hub, tmp_path: Path) -> None:
    """The file is there under its own name, nothing is left beside it, progress reached its end."""
    folder = tmp_path / "new"

    told = await fetch(hub, folder)

    assert told[-1] == len(DATA)
    assert [path.name for path in folder.iterdir()] == ["Tiny-Q8_0.gguf"]
    assert hub.asked == [("/Qwen/Tiny-GGUF/resolve/0123456789abcdef/Tiny-Q8_0.gguf", "")]


async def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """A second fetch asks nobody."""
    await fetch(hub, tmp_path)
    await fetch(hub, tmp_path)

    assert len(hub.asked) == 1


async def test_a_download_goes_on_where_another_stopped(hub: Hub, tmp_path: Path) -> None:
    """What an earlier process left is kept and verified with the rest."""
    (tmp_path / "Tiny-Q8_0.gguf.part").write_bytes(DATA[:1000])

    await fetch(hub, tmp_path)

    assert hub.asked[0][1] == "bytes=1000-"


async def test_broken_connections_are_survived(hub: Hub, tmp_path: Path) -> None:
    """Every new byte earns another try."""
    hub.break_after = [1000, 2000, 3000, 0, 5000]

    await fetch(hub, tmp_path)

    assert [wanted for _, wanted in hub.asked] == [
        *("", "bytes=1000-", "bytes=3000-", "bytes=6000-", "bytes=6000-", "bytes=11000-")
    ]


async def test_a_hub_without_ranges_begins_again(hub: Hub, tmp_path: Path) -> None:
    """A server that ignores the range sends everything, and everything is right."""
    hub.ranges = False
    (tmp_path / "Tiny-Q8_0.gguf.part").write_bytes(DATA[:1000])

    await fetch(hub, tmp_path)


@pytest.mark.parametrize("wrong", [DATA[:-1] + b"!", DATA + b"more", DATA.swapcase()])
async def test_another_file_is_refused_and_deleted(hub: Hub, tmp_path: Path, wrong: bytes) -> None:
    """Bytes that do not match the checksum never get the file's name."""
    hub.data = wrong

    with pytest.raises(ServiceUnavailableError, match="another file"):
        await fetch_weights(WEIGHTS, tmp_path, mirror=hub.url)

    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]


async def test_a_hub_that_keeps_breaking_is_given_up(hub: Hub, tmp_path: Path) -> None:
    """Without progress there is an end, and what came is kept for the next try."""
    hub.break_after = [1000, *[0] * 20]

    with pytest.raises(ServiceUnavailableError, match="goes on from there"):
        await fetch_weights(WEIGHTS, tmp_path, mirror=hub.url)

    assert (tmp_path / "Tiny-Q8_0.gguf.part").read_bytes() == DATA[:1000]
    hub.break_after = []
    await fetch(hub, tmp_path)


async def test_the_second_hub_is_asked_if_the_first_fails(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each public hub has its own layout; the checksum is the same."""
    monkeypatch.setattr(download, "HUBS", ("http://127.0.0.1:9", hub.url))

    model = await fetch_weights(WEIGHTS, tmp_path)

    assert model.path.read_bytes() == DATA
    assert hub.asked[0][0] == "/models/Qwen/Tiny-GGUF/resolve/master/Tiny-Q8_0.gguf"


async def test_a_mirror_is_asked_alone(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sets a mirror does not want the public hubs asked."""
    monkeypatch.setattr(download, "HUBS", (hub.url, hub.url))

    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        await fetch_weights(WEIGHTS, tmp_path, mirror="http://127.0.0.1:9")

    assert hub.asked == []


async def test_a_status_is_told(hub: Hub, tmp_path: Path) -> None:
    """A hub without the file says so."""
    hub.status = 404

    with pytest.raises(ServiceUnavailableError, match="status 404"):
        await fetch_weights(WEIGHTS, tmp_path, mirror=hub.url)


async def test_a_full_disk_is_noticed_before(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched that will not fit."""
    monkeypatch.setattr(download, "_SPARE", 1 << 60)

    with pytest.raises(ConflictError, match="GB left"):
        await fetch_weights(WEIGHTS, tmp_path, mirror=hub.url)

    assert hub.asked == []


async def test_two_processes_do_not_write_one_file(hub: Hub, tmp_path: Path) -> None:
    """While one fetches, another is told so."""
    held = asyncio.Event()

    async def slow(_request: Incoming, _wire: Wire) -> None:
        held.set()
        await asyncio.sleep(5)

    async with ScriptedQwen() as server:
        server.instead = slow
        first = asyncio.create_task(
            fetch_weights(WEIGHTS, tmp_path, mirror=f"http://127.0.0.1:{server.port}")
        )
        await held.wait()
        with pytest.raises(ConflictError, match="Another process"):
            await fetch_weights(WEIGHTS, tmp_path, mirror=hub.url)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
