"""Runs that another process answers, or that have ended: read and stopped through Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from api import frames
from api.problems import event_of
from api.run import RunLimits
from api.run_log import RunLog
from api.transcript import Transcript
from api.workers import StopOrder, Workers
from chains.conversation import RunStatus, StoredRun
from chains.errors import NotFoundError, ServiceUnavailableError
from chains.events import RunFinished
from chains.store import ConversationStore, LogEntries
from chains.streams import closing

_STOP_LIMIT = timedelta(seconds=5)
_POLL = timedelta(milliseconds=50)
_WATCH_AGAIN = timedelta(seconds=2)


class Elsewhere:
    """The way to runs that are not live in this process.

    Args:
        store: Knows every run of a session.
        log: Their events.
        workers: The other processes.
        limits: How long logs are kept.
    """

    def __init__(
        self, store: ConversationStore, log: RunLog, workers: Workers, limits: RunLimits
    ) -> None:
        self._store = store
        self._log = log
        self._workers = workers
        self._limits = limits

    async def follow(self, session_id: str, run_id: str, after: int) -> AsyncIterator[bytes] | None:
        """Read the frames of a run that another process answers, or that has ended.

        Returns:
            The frames after sequence number `after`, or None where there is none left to read.

        Raises:
            NotFoundError: There is no such run in this session, or its events have expired.
        """
        stored = await self._store.run(session_id, run_id)
        if stored is None:
            raise NotFoundError("There is no such run in this session.")
        last = await self._log.last(session_id, run_id)
        if stored.status != "running":
            if not last:
                raise NotFoundError("The events of this run have expired; see the history.")
            if after >= last:
                return None
        return self._follow(session_id, stored, after)

    async def stop(self, session_id: str, run_id: str, seen_chars: int | None) -> RunStatus:
        """End a run and wait until it has.

        Args:
            session_id: Whose.
            run_id: Which.
            seen_chars: Characters of the answer the person saw; the saved text is cut there.

        Returns:
            How it ended.

        Raises:
            NotFoundError: There is no such run in this session.
            ServiceUnavailableError: It did not end in time.
        """
        deadline = monotonic() + _STOP_LIMIT.total_seconds()
        asked = False
        while monotonic() < deadline:
            stored = await self._store.run(session_id, run_id)
            if stored is None:
                raise NotFoundError("There is no such run in this session.")
            if stored.status != "running":
                return stored.status
            if not asked:
                asked = True
                await self._reach(session_id, stored, StopOrder(session_id, run_id, seen_chars))
            await asyncio.sleep(_POLL.total_seconds())
        raise ServiceUnavailableError(
            "The run did not stop in time.", retry_after=timedelta(seconds=1)
        )

    async def _follow(self, session_id: str, stored: StoredRun, after: int) -> AsyncIterator[bytes]:
        looked = 0.0
        # Where Redis is lost the stream just ends: without its last event that means reconnect.
        with suppress(ServiceUnavailableError):
            async with closing(self._log.follow(session_id, stored.run_id, after)) as batches:
                async for batch in batches:
                    if batch:
                        yield b"".join(batch)
                    if monotonic() - looked > _WATCH_AGAIN.total_seconds():
                        looked = monotonic()
                        await self._workers.watch(session_id, stored.run_id)
                        if not batch and not await self._continues(session_id, stored):
                            return

    async def _continues(self, session_id: str, stored: StoredRun) -> bool:
        """Whether more events can come; a run whose process died gets its last words here."""
        now = await self._store.run(session_id, stored.run_id)
        if now is None:  # the session was erased
            return False
        if now.status == "running" and not await self._workers.lives(now.worker):
            await self._bury(session_id, now)
        return True

    async def _reach(self, session_id: str, stored: StoredRun, order: StopOrder) -> None:
        if await self._workers.lives(stored.worker):
            await self._workers.order(stored.worker, order)
        else:
            await self._bury(session_id, stored)

    async def _bury(self, session_id: str, stored: StoredRun) -> None:
        """End a run whose process died, keeping what its log has."""
        transcript = Transcript(stored.message_id, stored.parent_id, stored.question)
        written = await self._log.replay(session_id, stored.run_id, 0)
        for frame in written:
            transcript.add(frames.decode(frame))
        fault = event_of(
            ServiceUnavailableError(
                "The answer was interrupted. What there is of it is kept.",
                retry_after=timedelta(seconds=1),
            ),
            request="",
        )
        transcript.add(fault)
        seq = await self._log.last(session_id, stored.run_id)
        last = RunFinished(status="failed")
        kept = transcript.started is not None
        await self._store.finish(
            session_id,
            replace(stored, status="failed", question=""),
            exchange=transcript.exchange() if kept else None,
            details=transcript.item().model_dump_json().encode(),
            log=LogEntries(
                ((seq + 1, frames.encode(seq + 1, fault)), (seq + 2, frames.encode(seq + 2, last))),
                keep=self._limits.replay,
                most=self._limits.max_events,
            ),
        )
