"""Runs: the tasks that answer, owned here and not by the requests that asked.

A client may leave and come back, on any worker; several may watch; a run nobody watches ends after
a grace time; a stop ends it at once. Whatever happens, its last event is `run.finished`.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

from api import frames
from api.drive import Driver
from api.problems import event_of
from api.run import Ending, Run, RunLimits
from api.run_log import RunLog
from api.transcript import Transcript
from api.workers import StopOrder, Workers
from chains.conversation import RunStatus, StoredRun
from chains.errors import NotFoundError, ServiceUnavailableError
from chains.events import RunFinished
from chains.store import ConversationStore, LogEntries
from chains.streams import closing
from chains.turn import Turn

_STOP_LIMIT = timedelta(seconds=5)
_POLL = timedelta(milliseconds=50)
_WATCH_AGAIN = timedelta(seconds=2)


class Runs:
    """The runs of this process, and the way to those of others.

    Args:
        driver: Answers a run.
        store: Knows every run of a session.
        log: The events of runs elsewhere.
        workers: The other processes.
        limits: How long runs go on.
    """

    def __init__(
        self,
        driver: Driver,
        store: ConversationStore,
        log: RunLog,
        workers: Workers,
        limits: RunLimits,
    ) -> None:
        self._driver = driver
        self._store = store
        self._log = log
        self._workers = workers
        self._limits = limits
        self._live: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: asyncio.Task[None] | None = None
        self.draining = False

    @property
    def worker_id(self) -> str:
        """Id of this process."""
        return self._workers.id

    @property
    def count(self) -> int:
        """Live runs of this process."""
        return len(self._live)

    def start(
        self, turn: Turn, stored: StoredRun, *, request_id: str, stateless: bool = False
    ) -> Run:
        """Start answering; a stateless run leaves nothing but what may be appealed."""
        run = Run(
            turn=turn,
            stored=stored,
            transcript=Transcript(
                message_id=turn.message_id,
                parent_id=stored.parent_id,
                question=turn.question,
            ),
            request_id=request_id,
            stateless=stateless,
        )
        self._live[run.id] = run
        run.task = self._own(self._answer(run))
        return run

    def admit(self) -> None:
        """Refuse new runs while the process stops.

        Raises:
            ServiceUnavailableError: It stops.
        """
        if self.draining:
            raise ServiceUnavailableError(
                "The service is restarting. Please try again.", retry_after=timedelta(seconds=5)
            )

    def local(self, session_id: str, run_id: str) -> Run | None:
        """A live run of this process, if it is that session's."""
        run = self._live.get(run_id)
        return run if run is not None and run.session_id == session_id else None

    def attend(self, run: Run) -> None:
        """Count one more watcher, who will `leave` again."""
        run.watchers += 1
        if run.abandoning is not None:
            run.abandoning.cancel()
            run.abandoning = None

    def leave(self, run: Run, *, at_once: bool = False) -> None:
        """Count one watcher less; a run without any ends after the grace time.

        Args:
            run: The run.
            at_once: Nobody can come back to it, so it ends now.
        """
        run.watchers -= 1
        if run.watchers <= 0 and not run.ended.is_set():
            if at_once:
                run.end(Ending.ABANDONED)
            elif run.abandoning is None:
                run.abandoning = self._own(self._abandon(run))

    async def elsewhere(
        self, session_id: str, run_id: str, after: int
    ) -> AsyncIterator[bytes] | None:
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
        """End a run, here or elsewhere, and wait until it has.

        Args:
            session_id: Whose.
            run_id: Which.
            seen_chars: Characters of the answer the person saw; the saved text is cut there.

        Returns:
            How it ended.

        Raises:
            NotFoundError: There is no such run in this session.
        """
        run = self.local(session_id, run_id)
        if run is not None:
            self.obey(StopOrder(session_id, run_id, seen_chars))
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_LIMIT.total_seconds()):
                    await run.ended.wait()
            if run.transcript.finished is not None:
                return run.transcript.finished.status
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

    async def erased(self, session_id: str, runs: tuple[StoredRun, ...]) -> None:
        """Stop what still runs of a session that was erased; nothing of it is kept."""
        for stored in runs:
            order = StopOrder(session_id, stored.run_id, erased=True)
            if self.local(session_id, stored.run_id) is not None:
                self.obey(order)
            elif stored.status == "running":
                await self._workers.order(stored.worker, order)

    def obey(self, order: StopOrder) -> None:
        """End a run of this process."""
        run = self.local(order.session_id, order.run_id)
        if run is not None:
            if run.ending is None:
                run.seen_chars = order.seen_chars
            run.end(Ending.ERASED if order.erased else Ending.STOPPED)

    def drain(self) -> None:
        """Take no new runs; end those that take longer than the drain time."""
        if not self.draining:
            self.draining = True
            self._late = self._own(self._end_late_runs())

    async def close(self) -> None:
        """End every run and wait for its last words."""
        self.draining = True
        for run in tuple(self._live.values()):
            run.end(Ending.DRAINED)
        answering = [run.task for run in self._live.values() if run.task is not None]
        if answering:
            await asyncio.wait(answering, timeout=_STOP_LIMIT.total_seconds())
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, run: Run) -> None:
        try:
            await self._driver.drive(run)
        finally:
            self._live.pop(run.id, None)
            if run.abandoning is not None:
                run.abandoning.cancel()

    async def _abandon(self, run: Run) -> None:
        await asyncio.sleep(self._limits.grace.total_seconds())
        try:
            while await self._workers.watched(run.session_id, run.id):  # noqa: ASYNC110 - in Redis
                await asyncio.sleep(_WATCH_AGAIN.total_seconds())
        except ServiceUnavailableError:
            pass  # then nobody can be reading it there either
        run.end(Ending.ABANDONED)

    async def _end_late_runs(self) -> None:
        await asyncio.sleep(self._limits.drain.total_seconds())
        for run in tuple(self._live.values()):
            run.end(Ending.DRAINED)

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

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
