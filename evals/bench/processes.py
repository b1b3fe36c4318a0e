"""Starting targets, and what their process trees cost."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_START_LIMIT = timedelta(seconds=60)
_LAST_WORDS = 2000
"""Bytes shown of what a target printed that did not start."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process tree has used so far."""

    cpu: timedelta
    memory: int
    """Resident set, in bytes, summed over the tree."""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cost_of(root: int) -> Cost:
    """CPU and memory of a process and all its descendants (Linux: read from /proc)."""
    children: dict[int, list[int]] = {}
    usage: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            pid = int(entry.name)
            children.setdefault(int(fields[1]), []).append(pid)
            usage[pid] = (int(fields[11]) + int(fields[12]), int(fields[21]))
    ticks = pages = 0
    pending = [root]
    while pending:
        pid = pending.pop()
        pending.extend(children.get(pid, ()))
        ticks += usage.get(pid, (0, 0))[0]
        pages += usage.get(pid, (0, 0))[1]
    return Cost(timedelta(seconds=ticks / _TICKS), pages * _PAGE)


@asynccontextmanager
async def started(
    module: str, arguments: Sequence[str], *, port: int, environment: Mapping[str, str]
) -> AsyncIterator[int]:
    """Run `python -m module` until the block is left; yield its process id once `port` answers.

    Raises:
        RuntimeError: It ended, or did not listen in time.
    """
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the target has stopped
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_START_LIMIT.total_seconds()):
            while not await _listens(port):
                if process.returncode is not None:
                    output.seek(0)
                    said = output.read()[-_LAST_WORDS:].decode(errors="replace")
                    raise RuntimeError(f"{module} ended before it listened:\n{said}")
                await asyncio.sleep(0.1)
        yield process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        output.close()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
