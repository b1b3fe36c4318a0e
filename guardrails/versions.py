"""Policy versions: immutable snapshots on disk, and how a fleet agrees on the active one."""

import asyncio
import contextlib
import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from guardrails.policy import read_folder, version_of
from guardrails.source import PolicyError, Problem

_VERSION: Final = re.compile(r"^[0-9a-f]{12}$")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a policy folder, unpacked."""


@dataclass(frozen=True, slots=True)
class Published:
    """One line of the history: a version was put into force."""

    version: str
    at: datetime
    by: str
    note: str


class PolicyStore:
    """Versions of a policy under a data folder. A version once stored never changes.

    Args:
        folder: The data folder's part for policies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._history = folder / "history.jsonl"

    def save(self, folder: Path) -> str:
        """Keep a snapshot of a policy folder; return its version."""
        contents = read_folder(folder)
        version = version_of(contents)
        self._write(version, contents)
        return version

    def pack(self, version: str) -> bytes:
        """A stored version as one archive, the same bytes on every machine.

        Raises:
            PolicyError: There is no such version.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, content in sorted(read_folder(self.folder(version)).items()):
                archive.writestr(zipfile.ZipInfo(file, _EPOCH), content)
        return buffer.getvalue()

    def unpack(self, version: str, archive: bytes) -> None:
        """Keep a version that came as an archive.

        Raises:
            PolicyError: The archive is damaged, or holds something else than its version says.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                if sum(one.file_size for one in opened.infolist()) > _LARGEST:
                    raise PolicyError([Problem(version, 0, "the archive is too large")])
                contents = {one.filename: opened.read(one) for one in opened.infolist()}
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise PolicyError(
                [Problem(version, 0, f"no archive: {type(error).__name__}", "publish it again")]
            ) from None
        unsafe = [file for file in contents if ".." in Path(file).parts or file.startswith("/")]
        if unsafe or version_of(contents) != version:
            raise PolicyError([Problem(version, 0, "the archive is another version's")])
        self._write(version, contents)

    def folder(self, version: str) -> Path:
        """Where a stored version lies.

        Raises:
            PolicyError: There is no such version.
        """
        folder = self._folder / version
        if not _VERSION.match(version) or not folder.is_dir():
            raise PolicyError(
                [Problem(version, 0, "there is no such version", "`covenant rails versions`")]
            )
        return folder

    def versions(self) -> tuple[str, ...]:
        """Every stored version, by name."""
        if not self._folder.is_dir():
            return ()
        return tuple(sorted(p.name for p in self._folder.iterdir() if _VERSION.match(p.name)))

    def record(self, version: str, *, by: str, note: str) -> Published:
        """Note that a version was put into force, and make it the active one."""
        self.folder(version)
        entry = Published(version, datetime.now(UTC), by, note)
        line = {"version": version, "at": entry.at.isoformat(), "by": by, "note": note}
        with self._history.open("ab") as history:
            history.write(orjson.dumps(line) + b"\n")
        return entry

    def history(self) -> tuple[Published, ...]:
        """What was put into force, oldest first."""
        if not self._history.is_file():
            return ()
        entries = []
        for line in self._history.read_bytes().splitlines():
            with contextlib.suppress(orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                one = orjson.loads(line)
                at = datetime.fromisoformat(one["at"])
                entries.append(Published(one["version"], at, one["by"], one["note"]))
        return tuple(entries)

    @property
    def active(self) -> str | None:
        """The version put into force last; None where nothing was published here."""
        history = self.history()
        return history[-1].version if history else None

    def _write(self, version: str, contents: Mapping[str, bytes]) -> None:
        target = self._folder / version
        if target.is_dir():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        # Written beside and moved into place: nobody ever reads half a version.
        partial = Path(tempfile.mkdtemp(prefix=".", dir=self._folder))
        try:
            for file, content in contents.items():
                path = partial / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o444)
            partial.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was first: the same bytes
                partial.replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


class Publisher(Protocol):
    """How a fleet agrees on the active version."""

    async def publish(self, version: str, archive: bytes) -> None:
        """Make a version active everywhere."""

    async def archive(self, version: str) -> bytes | None:
        """The archive of a version; None where it is not to be had."""

    def announcements(self, *, every: timedelta) -> AsyncGenerator[str, None]:
        """The active version, again and again: when it changes, and at least `every`.

        Goes on through outages: while it cannot be told, the last version stays in force.
        """


class StorePublisher:
    """Agrees on the active version through the history of a store, on one machine or volume.

    Args:
        store: Whose history is read.
    """

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def publish(self, version: str, archive: bytes) -> None:
        """Make a version active; `PolicyStore.record` does the same and says by whom."""
        await asyncio.to_thread(self._store.unpack, version, archive)
        await asyncio.to_thread(lambda: self._store.record(version, by="", note=""))

    async def archive(self, version: str) -> bytes | None:
        """None: the version lies in the store already."""
        del version
        return None

    async def announcements(self, *, every: timedelta) -> AsyncGenerator[str, None]:
        """The active version, again and again."""
        while True:
            active = await asyncio.to_thread(lambda: self._store.active)
            if active is not None:
                yield active
            await asyncio.sleep(every.total_seconds())


class RedisPublisher:
    """Agrees on the active version through Redis: announced at once, asked for in between.

    Args:
        client: A connection to the records, which last.
        prefix: Prefix of the keys.
    """

    def __init__(self, client: Redis, *, prefix: str = "covenant:policy:") -> None:
        self._client = client
        self._active = f"{prefix}active"
        self._archive = f"{prefix}archive:"
        self._channel = f"{prefix}announcements"

    async def publish(self, version: str, archive: bytes) -> None:
        """Make a version active everywhere; the archive first, so that nobody waits for it."""
        await self._client.set(self._archive + version, archive)
        await self._client.set(self._active, version)
        await self._client.publish(self._channel, version)

    async def archive(self, version: str) -> bytes | None:
        """The archive of a version; None where it is not to be had."""
        try:
            archive = await self._client.get(self._archive + version)
        except (RedisError, OSError):
            return None
        return archive if isinstance(archive, bytes) else None

    async def announcements(self, *, every: timedelta) -> AsyncGenerator[str, None]:
        """The active version, when it changes and at least `every`."""
        seconds = every.total_seconds()
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._client.pubsub(ignore_subscribe_messages=True) as listening:
                    await listening.subscribe(self._channel)
                    while True:
                        active = await self._client.get(self._active)
                        if active is not None:
                            yield active.decode() if isinstance(active, bytes) else str(active)
                        await listening.get_message(timeout=seconds)
            await asyncio.sleep(seconds)
