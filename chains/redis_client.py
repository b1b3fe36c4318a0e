"""Connections to Redis, and the one edge where its errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

from chains.errors import ServiceUnavailableError


def connect(url: str, *, timeout: timedelta = timedelta(seconds=2), connections: int = 64) -> Redis:
    """Make a client; it connects when it is first used.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        timeout: Longest wait for a connection or an answer.
        connections: Most at a time; further callers wait for a free one, up to `timeout`.
    """
    seconds = timeout.total_seconds()
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        health_check_interval=30,
        retry=Retry(ConstantBackoff(0.02), retries=1),
    )
    return Redis.from_pool(pool)


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Map what the Redis client raises; the one edge where its errors enter."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        # `from None`: a Redis error's message may quote the arguments, which are people's words.
        name = type(error).__name__
        unavailable = ServiceUnavailableError(
            f"{what} cannot be reached right now ({name}).", retry_after=timedelta(seconds=2)
        )
        raise unavailable from None
