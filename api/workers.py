"""The processes of one service, as they know of one another through Redis.

Each has an id, a sign of life that expires, and a channel on which the others ask it to stop a run
it answers.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import orjson
import structlog
from redis.asyncio import Redis

from chains.errors import ServiceUnavailableError
from chains.redis_client import reaching

_log = structlog.get_logger("covenant.workers")
_BEAT = timedelta(seconds=2)
_ALIVE = timedelta(seconds=8)
_WATCHED = timedelta(seconds=6)
_RETRY = timedelta(seconds=1)
_LISTEN = timedelta(seconds=5)
"""Shorter than the connection's own time limit, which would end the subscription."""


@dataclass(frozen=True, slots=True)
class StopOrder:
    """Asks the process that answers a run to end it."""

    session_id: str
    run_id: str
    seen_chars: int | None = None
    erased: bool = False
    """The session was erased: nothing of the run may be kept."""


class Workers:
    """This process among the others.

    Args:
        client: For commands.
        listener: For the subscription, which holds one connection.
    """

    def __init__(self, client: Redis, listener: Redis) -> None:
        self.id = f"w_{secrets.token_hex(8)}"
        self._client = client
        self._listener = listener

    async def beat_forever(self) -> None:
        """Give signs of life until cancelled."""
        while True:
            with suppress(ServiceUnavailableError), reaching("Redis"):
                await self._client.set(_life(self.id), 1, ex=_ALIVE)
            await asyncio.sleep(_BEAT.total_seconds())

    async def listen_forever(self, obey: Callable[[StopOrder], None]) -> None:
        """Take orders until cancelled."""
        while True:
            try:
                with reaching("Redis"):
                    async with self._listener.pubsub(ignore_subscribe_messages=True) as channel:
                        await channel.subscribe(_channel(self.id))
                        while True:
                            message = await channel.get_message(timeout=_LISTEN.total_seconds())
                            if message is not None:
                                obey(StopOrder(**orjson.loads(message["data"])))
            except ServiceUnavailableError:
                _log.warning("orders_unreachable")
            await asyncio.sleep(_RETRY.total_seconds())

    async def order(self, worker: str, order: StopOrder) -> None:
        """Ask a process to stop a run."""
        with reaching("Redis"):
            await self._client.publish(_channel(worker), orjson.dumps(order))

    async def lives(self, worker: str) -> bool:
        """Whether a process gave a sign of life lately."""
        if worker == self.id:
            return True
        with reaching("Redis"):
            return bool(await self._client.exists(_life(worker)))

    async def watch(self, session_id: str, run_id: str) -> None:
        """Note that somebody follows a run through this process."""
        with reaching("Redis"):
            await self._client.set(_watched(session_id, run_id), 1, ex=_WATCHED)

    async def watched(self, session_id: str, run_id: str) -> bool:
        """Whether somebody follows a run through another process."""
        with reaching("Redis"):
            return bool(await self._client.exists(_watched(session_id, run_id)))

    async def leave(self) -> None:
        """Say that this process ends."""
        with suppress(ServiceUnavailableError), reaching("Redis"):
            await self._client.delete(_life(self.id))


def _life(worker: str) -> str:
    return f"covenant:worker:{worker}"


def _channel(worker: str) -> str:
    return f"covenant:orders:{worker}"


def _watched(session_id: str, run_id: str) -> str:
    return f"{{{session_id}}}:watched:{run_id}"
