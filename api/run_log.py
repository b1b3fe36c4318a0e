"""The shared log of runs: a capped, expiring Redis stream each, for readers in other processes.

What all runs of a process said within one flush goes out in one pipeline, so that the log costs
a round trip ten times a second and not one an event. A run that ends writes its last events with
its exchange (`ConversationStore.finish`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, cast

import structlog
from redis.asyncio import Redis

from api.frames import is_last
from api.run import Ending, Run
from chains.errors import ServiceUnavailableError
from chains.redis_client import reaching
from chains.store import LogEntries, log_key, meta_key, script

_log = structlog.get_logger("covenant.runs")
Entries = list[tuple[bytes, dict[bytes, bytes]]]
"""What Redis answers of a stream: id and fields of each entry."""
_RETRY = timedelta(seconds=1)
_BLOCK = timedelta(seconds=2)
"""How long a follower waits for news before it looks whether the run's process still lives."""


class RunLog:
    """Writes the logs of this process's runs and reads those of any.

    Args:
        client: For writing and replaying.
        followers: For blocking reads: one connection each, with an own pool.
        flush: Longest time between an event and its writing.
        keep: How long a log can be read after its last event.
        most: Events kept of one run.
    """

    def __init__(
        self, client: Redis, followers: Redis, *, flush: timedelta, keep: timedelta, most: int
    ) -> None:
        self._client = client
        self._followers = followers
        self._append = script(client, "append")
        self._flush = flush.total_seconds()
        self._keep = keep
        self._most = most
        self._dirty: set[Run] = set()
        self._news = asyncio.Event()

    def touch(self, run: Run) -> None:
        """Note that a run has something to write."""
        self._dirty.add(run)
        self._news.set()

    def forget(self, run: Run) -> None:
        """A run ended; its last events were or will be written with its exchange."""
        self._dirty.discard(run)

    def rest(self, run: Run, last: tuple[int, bytes]) -> LogEntries:
        """What is still to be written of a run that ends with `last`."""
        return self._entries(run, [*run.unwritten(), last])

    async def write_forever(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._flush)
            self._news.clear()
            runs, self._dirty = tuple(self._dirty), set()
            try:
                await self.write(runs)
            except ServiceUnavailableError:
                # Readers here lose nothing; those elsewhere wait. It all goes out next time.
                _log.warning("run_log_unreachable", runs=len(runs))
                self._dirty.update(run for run in runs if not run.ended.is_set())
                self._news.set()
                await asyncio.sleep(_RETRY.total_seconds())

    async def write(self, runs: Sequence[Run]) -> None:
        """Write the new events of some runs in one round trip.

        Raises:
            ServiceUnavailableError: Redis cannot be reached.
        """
        before = [(run, run.written, run.rewrite) for run in runs]
        calls = [call for run in runs if (call := self._call(run)) is not None]
        if not calls:
            return
        try:
            with reaching("The run log"):
                async with self._client.pipeline(transaction=False) as pipeline:
                    for run, arguments in calls:
                        keys = [meta_key(run.session_id), log_key(run.session_id, run.id)]
                        await self._append(keys=keys, args=arguments, client=pipeline)
                    replies = await pipeline.execute()
        except ServiceUnavailableError:
            for run, written, rewrite in before:
                run.written, run.rewrite = written, run.rewrite or rewrite
            raise
        for (run, _), session_lives in zip(calls, replies, strict=True):
            if not session_lives:
                run.end(Ending.ERASED)

    def _call(self, run: Run) -> tuple[Run, tuple[int | bytes, ...]] | None:
        """What to send for a run, which counts as written from this moment on.

        Nothing may be awaited between reading the run and counting: what it says meanwhile would
        be lost. And a retraction must reach what is on its way as well.
        """
        events = run.unwritten()
        if not events:
            return None
        arguments = self._entries(run, events).arguments()
        run.written, run.rewrite = len(run.frames), False
        return run, arguments

    async def replay(self, session_id: str, run_id: str, after: int) -> list[bytes]:
        """Read the frames after sequence number `after` that are there now."""
        begin = f"({after}-0" if after else "-"
        with reaching("The run log"):
            entries: Entries = await self._read("XRANGE", session_id, run_id, begin, "+")
        return [fields[b"e"] for _, fields in entries]

    async def last(self, session_id: str, run_id: str) -> int:
        """The latest sequence number in a run's log; 0 where there is none."""
        with reaching("The run log"):
            entries: Entries = await self._read(
                "XREVRANGE", session_id, run_id, "+", "-", "COUNT", "1"
            )
        return int(entries[0][0].split(b"-")[0]) if entries else 0

    async def follow(self, session_id: str, run_id: str, after: int) -> AsyncIterator[list[bytes]]:
        """Read frames after `after` as they are written; an empty list is a moment without news.

        Ends after the last frame of the run.
        """
        key, place = log_key(session_id, run_id), f"{after}-0".encode()
        while True:
            with reaching("The run log"):
                reply: list[tuple[bytes, Entries]] = cast(
                    "Any",  # redis-py describes the answers of all protocols at once
                    await self._followers.xread(
                        {key: place}, block=int(_BLOCK.total_seconds() * 1000)
                    ),
                )
            entries = reply[0][1] if reply else []
            batch = [fields[b"e"] for _, fields in entries]
            yield batch
            if entries:
                place = entries[-1][0]
                if is_last(batch[-1]):
                    return

    async def _read(self, command: str, session_id: str, run_id: str, *arguments: str) -> Any:
        key = log_key(session_id, run_id)
        return await self._client.execute_command(  # type: ignore[no-untyped-call]  # redis-py's
            command, key, *arguments
        )

    def _entries(self, run: Run, events: Sequence[tuple[int, bytes]]) -> LogEntries:
        return LogEntries(events, keep=self._keep, most=self._most, anew=run.rewrite)
