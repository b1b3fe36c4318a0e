"""Everything long-lived: made at start, closed at the end in reverse."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any, TypedDict

from redis.asyncio import Redis

from api.auth import Principal, Tokens
from api.backend import Backend, BackendFactory
from api.chat import Chat
from api.drive import Driver
from api.elsewhere import Elsewhere
from api.embedded_redis import EmbeddedRedis
from api.keys import Keys
from api.observability import watch_loop
from api.records import RecordStore
from api.run import RunLimits
from api.run_log import RunLog
from api.runs import Runs
from api.schemas import Dependency
from api.sessions import Sessions
from api.settings import Settings
from api.workers import Workers
from chains.errors import ServiceUnavailableError
from chains.redis_client import connect, reaching
from chains.store import ConversationStore

_FOLLOWER_TIMEOUT = timedelta(seconds=10)
"""Longer than any blocking read lasts."""


@dataclass(frozen=True, slots=True)
class Services:
    """What requests may use."""

    settings: Settings
    tokens: Tokens
    backend: Backend
    store: ConversationStore
    records: RecordStore
    runs: Runs
    chat: Chat
    sessions: Sessions

    async def authenticate(self, authorization: str | None) -> Principal:
        """Believe an `Authorization` header.

        Raises:
            AuthenticationError: There is no valid token.
        """
        return self.tokens.read(authorization)

    async def dependencies(self) -> tuple[Dependency, ...]:
        """How everything the service needs is."""
        stopping = Dependency(name="process", status="down", detail="The process is stopping.")
        return (
            *((stopping,) if self.runs.draining else ()),
            await _redis("conversations", self.store.client),
            await _redis("records", self.records.client),
            *await self.backend.dependencies(),
        )


class State(TypedDict):
    """What the lifespan hands to requests (`request.state`)."""

    services: Services


@asynccontextmanager
async def lifespan(settings: Settings, make_backend: BackendFactory) -> AsyncIterator[State]:
    """Make everything, serve, and close it in reverse.

    Args:
        settings: The process's.
        make_backend: Makes the chain, the rails and the knowledge base.
    """
    # Its debug lines hold the chunks it sends, which are people's words.
    logging.getLogger("sse_starlette").setLevel(logging.INFO)
    watch_loop(asyncio.get_running_loop())
    async with AsyncExitStack() as stack:
        tokens = Tokens(Keys(settings.data_dir))
        conversations = await _url(settings, stack, durable=False)
        client = await _client(stack, conversations)
        records = RecordStore(
            await _client(stack, await _url(settings, stack, durable=True)),
            feedback=settings.records.feedback,
            appeals=settings.records.appeals,
        )
        store = ConversationStore(
            client,
            idle=settings.session.idle,
            lifetime=settings.session.lifetime,
            max_exchanges=settings.session.max_exchanges,
        )
        backend = await stack.enter_async_context(make_backend(settings))
        runs = await _runs(settings, stack, backend, store, conversations)
        services = Services(
            settings=settings,
            tokens=tokens,
            backend=backend,
            store=store,
            records=records,
            runs=runs,
            chat=Chat(settings, store, runs),
            sessions=Sessions(settings, tokens, store, records, runs, backend),
        )
        with _at_sigterm(runs.drain):
            yield State(services=services)


async def _runs(
    settings: Settings,
    stack: AsyncExitStack,
    backend: Backend,
    store: ConversationStore,
    url: str,
) -> Runs:
    limits = RunLimits(
        grace=settings.runs.grace,
        replay=settings.runs.replay,
        deadline=settings.runs.deadline,
        max_events=settings.runs.max_events,
        drain=settings.runs.drain,
    )
    # Blocking reads and the subscription hold their connections: a pool of their own.
    followers = connect(url, connections=1024, timeout=_FOLLOWER_TIMEOUT)
    stack.push_async_callback(followers.aclose)
    workers = Workers(store.client, followers)
    log = RunLog(
        store.client,
        followers,
        flush=settings.runs.flush,
        keep=settings.runs.replay,
        most=settings.runs.max_events,
    )
    driver = Driver(backend.chat, store, log, limits)
    runs = Runs(driver, Elsewhere(store, log, workers, limits), workers, limits)
    stack.push_async_callback(workers.leave)
    background = [
        asyncio.create_task(log.write_forever()),
        asyncio.create_task(workers.beat_forever()),
        asyncio.create_task(workers.listen_forever(runs.obey)),
    ]

    async def stop_background() -> None:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)

    stack.push_async_callback(stop_background)
    stack.push_async_callback(runs.close)
    return runs


async def _url(settings: Settings, stack: AsyncExitStack, *, durable: bool) -> str:
    """Address of a Redis; an embedded one where none is named."""
    named = settings.records_url if durable else settings.redis_url
    if named is not None:
        return named.get_secret_value()
    directory = settings.data_dir / "records" if durable else None
    server = EmbeddedRedis(durable_directory=directory)
    stack.push_async_callback(server.stop)
    return await server.start()


async def _client(stack: AsyncExitStack, url: str) -> Redis:
    client = connect(url)
    stack.push_async_callback(client.aclose)
    return client


async def _redis(name: str, client: Redis) -> Dependency:
    try:
        with reaching(name.capitalize()):
            await client.ping()
    except ServiceUnavailableError as error:
        return Dependency(name=name, status="down", detail=error.message)
    return Dependency(name=name, status="up")


@contextmanager
def _at_sigterm(drain: Callable[[], None]) -> Iterator[None]:
    """Call `drain` when the process is asked to stop, before the server's own handler.

    uvicorn runs the lifespan's end only after all connections have closed, which is too late to
    end their streams.
    """
    loop = asyncio.get_running_loop()
    earlier: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(drain)
        handler = earlier[number]
        if callable(handler):
            handler(number, frame)

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            earlier[number] = signal.signal(number, on_signal)
    except ValueError:  # not the main thread: whoever runs the loop there stops it differently
        yield
        return
    try:
        yield
    finally:
        for restored, handler in earlier.items():
            signal.signal(restored, handler)
