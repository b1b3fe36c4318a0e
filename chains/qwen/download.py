"""Fetches weights: resumable, checksummed, from whichever hub answers."""

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

import aiohttp

from chains.errors import ConflictError, CovenantError, ServiceUnavailableError
from chains.qwen.catalogue import Weights
from chains.qwen.client import FOREIGN, explain
from chains.qwen.weights import LocalModel, part_path

HUBS = ("https://huggingface.co", "https://modelscope.cn")
_BLOCK = 1024 * 1024
_CONNECT = timedelta(seconds=10)
_STALL = timedelta(seconds=30)
_SPARE = 256 * 1024 * 1024
"""Bytes left free on the disk."""
_TRIES = 5
"""Broken connections survived in a row without a single new byte."""

Progress = Callable[[int], None]
"""Told how many bytes are there, each time there are more."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


async def fetch_weights(
    weights: Weights,
    folder: Path,
    *,
    mirror: str | None = None,
    progress: Progress = lambda _done: None,
) -> LocalModel:
    """Fetch weights into `folder`, going on where an earlier download stopped.

    Args:
        weights: What to fetch.
        folder: Where to keep it; made if it is not there.
        mirror: A hub laid out like huggingface.co, asked instead of the public ones.
        progress: Told about every block.

    Raises:
        ServiceUnavailableError: No hub can be reached, or none has the file.
        ConflictError: The disk is too full, the file is not what it should be, or another process
            is fetching it.
    """
    final = folder / weights.file
    if await asyncio.to_thread(_is_there, final, weights):
        return LocalModel(weights.name, final)
    part = part_path(folder, weights)
    hubs = (mirror.rstrip("/"),) if mirror else HUBS
    with _locked(part) as file:
        _check_space(weights, part)
        problems: list[str] = []
        for hub in hubs:
            try:
                await _fetch(_url(hub, weights), weights, file, progress)
                break
            except _HubFailedError as error:
                problems.append(f"{urlsplit(hub).netloc}: {error.message.rstrip('.')}")
        else:
            raise ServiceUnavailableError(
                f"{weights.name} could not be fetched ({'; '.join(problems)}). What has arrived is"
                " kept, and the next try goes on from there."
            )
        # In the lock, so that nobody appends to what has just been verified.
        part.replace(final)
    return LocalModel(weights.name, final)


def _is_there(final: Path, weights: Weights) -> bool:
    final.parent.mkdir(parents=True, exist_ok=True)
    return final.is_file() and final.stat().st_size == weights.size


class _HubFailedError(CovenantError):
    """One hub failed; another may not."""


async def _fetch(url: str, weights: Weights, file: IO[bytes], progress: Progress) -> None:
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=_CONNECT.total_seconds(), sock_read=_STALL.total_seconds()
    )
    digest = await asyncio.to_thread(_digest_of, file)
    tries = _TRIES
    async with aiohttp.ClientSession(
        timeout=timeout, trust_env=True, headers={"accept-encoding": "identity"}
    ) as session:
        while file.tell() < weights.size:
            before = file.tell()
            try:
                digest = await _fetch_rest(session, url, weights, file, digest, progress)
            except FOREIGN as error:
                tries = _TRIES if file.tell() > before else tries - 1
                # A connection that never opened will not open a second later.
                if not tries or isinstance(error, aiohttp.ClientConnectorError):
                    raise _HubFailedError(_of_hub(explain(error))) from None
                await asyncio.sleep(min(1.0, 0.1 * (_TRIES - tries)))
            else:
                if file.tell() == before:
                    raise _HubFailedError("it sends nothing")
    if file.tell() != weights.size or digest.hexdigest() != weights.sha256:
        file.truncate(0)
        file.seek(0)
        raise _HubFailedError("it sends another file than the one expected, which was deleted")


async def _fetch_rest(
    session: aiohttp.ClientSession,
    url: str,
    weights: Weights,
    file: IO[bytes],
    digest: _Hash,
    progress: Progress,
) -> _Hash:
    """Append what is missing, over one connection."""
    done = file.tell()
    headers = {"range": f"bytes={done}-"} if done else {}
    async with session.get(url, headers=headers) as response:
        if done and response.status == HTTPStatus.OK:
            # No ranges here: from the beginning, then.
            file.truncate(0)
            file.seek(0)
            digest = hashlib.sha256()
        elif response.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise _HubFailedError(f"it answers with status {response.status}")
        async for block in response.content.iter_chunked(_BLOCK):
            await asyncio.to_thread(_append, file, digest, block)
            progress(file.tell())
            if file.tell() > weights.size:
                break
    return digest


def _of_hub(sentence: str) -> str:
    return sentence.replace("The model server's", "its").replace("The model server", "it")


def _append(file: IO[bytes], digest: _Hash, block: bytes) -> None:
    file.write(block)
    digest.update(block)


def _digest_of(file: IO[bytes]) -> _Hash:
    """Hash what an earlier download left; the file is then at its end."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest


def _url(hub: str, weights: Weights) -> str:
    """Where a hub keeps a file. ModelScope counts revisions apart: the checksum decides."""
    if hub == HUBS[1]:
        return f"{hub}/models/{weights.repository}/resolve/master/{weights.file}"
    return f"{hub}/{weights.repository}/resolve/{weights.revision}/{weights.file}"


def _check_space(weights: Weights, part: Path) -> None:
    missing = weights.size - part.stat().st_size + _SPARE
    free = shutil.disk_usage(part.parent).free
    if free < missing:
        raise ConflictError(
            f"{weights.name} needs {missing / 1e9:.1f} GB more on the disk of {part.parent},"
            f" which has {free / 1e9:.1f} GB left."
        )


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Open a partial download for this process alone."""
    with part.open("a+b") as file:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - not there on Windows

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConflictError(f"Another process is fetching {part.stem} already.") from None
        yield file
