"""Starting and stopping everything a service needs, in one place.

The supervisor owns the listening socket, the embedded Redis servers, an embedded Qwen where one
was asked for, and the worker processes. Children live in sessions of their own and end when their
standard input closes, so Ctrl-C reaches the supervisor alone and nothing outlives it.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from types import FrameType

from api.embedded_redis import EmbeddedRedis
from api.settings import Settings
from chains.errors import BadRequestError, ServiceUnavailableError

_READY_LIMIT = timedelta(seconds=60)
_POLL = timedelta(milliseconds=50)
_INTERRUPT_LIMIT = timedelta(seconds=2)
"""After Ctrl-C: how long workers may take before they are killed."""
_SHORT_LIFE = timedelta(seconds=5)
_MOST_SHORT_LIVES = 3


def bind(host: str, port: int) -> socket.socket:
    """Take the address the service listens on.

    Raises:
        BadRequestError: It is taken, not ours to take, or no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "not a port"
        raise BadRequestError(
            f"Port {port} on {host} cannot be used ({reason}): stop what listens there, or choose "
            f"another with COVENANT_PORT={port + 1}."
        ) from None
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket) -> str:
    """The URL people type for a listening socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(slots=True)
class Supervisor:
    """Runs a service until a signal stops it."""

    settings: Settings
    listener: socket.socket
    environment: Mapping[str, str] = field(repr=False)
    """What workers start from; the embedded servers' addresses are added."""
    on_ready: Callable[[], Awaitable[None]]
    """Called once, when the first worker answers."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _interrupted: bool = False
    _workers: set[asyncio.subprocess.Process] = field(default_factory=set)

    async def run(self) -> int:
        """Start everything, wait for a signal, stop everything.

        Returns:
            0 after a stop that was asked for, 1 when workers kept failing.

        Raises:
            ServiceUnavailableError: Something did not start.
        """
        self._install_signals()
        async with AsyncExitStack() as stack:
            environment = {
                **self.environment,
                **await stack.enter_async_context(embedded_servers(self.settings)),
            }
            stack.push_async_callback(self._stop_workers)
            slots = [
                asyncio.create_task(self._keep_alive(environment))
                for _ in range(self.settings.workers)
            ]
            try:
                await self._until_ready(slots)
                if not self._stop.is_set():
                    await self.on_ready()
                return await self._until_stopped(slots)
            finally:
                self._stop.set()
                await self._stop_workers()
                await asyncio.gather(*slots, return_exceptions=True)

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def on_signal(number: int, _frame: FrameType | None = None) -> None:
            if self._stop.is_set():  # the second signal is not patient
                self._interrupted = True
                for worker in self._workers:
                    with contextlib.suppress(ProcessLookupError):
                        worker.kill()
            self._interrupted |= number == signal.SIGINT
            self._stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal, number)

    async def _keep_alive(self, environment: Mapping[str, str]) -> None:
        """Run one worker after another; return when one cannot stay up."""
        short_lives = 0
        while not self._stop.is_set():
            began = monotonic()
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "api.worker", "--fd", str(self.listener.fileno())),
                stdin=asyncio.subprocess.PIPE,
                env=dict(environment),
                pass_fds=(self.listener.fileno(),),
                start_new_session=True,
            )
            self._workers.add(worker)
            try:
                await worker.wait()
            finally:
                self._workers.discard(worker)
            lived = monotonic() - began
            short_lives = short_lives + 1 if lived < _SHORT_LIFE.total_seconds() else 0
            if short_lives >= _MOST_SHORT_LIVES:
                return

    async def _until_ready(self, slots: list[asyncio.Task[None]]) -> None:
        deadline = monotonic() + _READY_LIMIT.total_seconds()
        while not self._stop.is_set() and not await _alive(self.listener):
            if all(slot.done() for slot in slots):
                raise ServiceUnavailableError("The service did not start; its reason is above.")
            if monotonic() > deadline:
                raise ServiceUnavailableError(
                    f"The service did not answer within {_READY_LIMIT.total_seconds():.0f} s."
                )
            await asyncio.sleep(_POLL.total_seconds())

    async def _until_stopped(self, slots: list[asyncio.Task[None]]) -> int:
        async def all_gave_up() -> None:
            await asyncio.gather(*slots)

        async def asked_to_stop() -> None:
            await self._stop.wait()

        ends = {asyncio.create_task(all_gave_up()), asyncio.create_task(asked_to_stop())}
        try:
            await asyncio.wait(ends, return_when="FIRST_COMPLETED")
        finally:
            for end in ends:
                end.cancel()
        return 0 if self._stop.is_set() else 1

    async def _stop_workers(self) -> None:
        workers = list(self._workers)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()
        limit = (
            _INTERRUPT_LIMIT
            if self._interrupted
            else self.settings.runs.drain + timedelta(seconds=5)
        )
        waiting = [asyncio.create_task(worker.wait()) for worker in workers]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=limit.total_seconds())
            if late:
                for worker in workers:
                    with contextlib.suppress(ProcessLookupError):
                        worker.kill()
                await asyncio.wait(late)


@asynccontextmanager
async def embedded_servers(settings: Settings) -> AsyncIterator[dict[str, str]]:
    """Start the Redis servers that no URL names; yield their addresses as environment."""
    async with AsyncExitStack() as stack:
        found: dict[str, str] = {}
        wanted = {
            "COVENANT_REDIS_URL": None if settings.redis_url else EmbeddedRedis(),
            "COVENANT_RECORDS_URL": None
            if settings.records_url
            else EmbeddedRedis(durable_directory=settings.data_dir / "records"),
        }
        for variable, server in wanted.items():
            if server is not None:
                stack.push_async_callback(server.stop)
                found[variable] = await server.start()
        yield found


async def _alive(listener: socket.socket) -> bool:
    """Whether a worker answers on `listener`."""
    host, port = listener.getsockname()[:2]
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1" if host in ("0.0.0.0", "::") else host,  # noqa: S104 - compared, not bound
            port,
        )
    except OSError:
        return False
    try:
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(1):
            return b" 200 " in await reader.readline()
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
