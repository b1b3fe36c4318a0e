"""Runs: the tasks that answer, owned here and not by the requests that asked.

A client may leave and come back, on any worker; several may watch; a run nobody watches ends after
a grace time; a stop ends it at once. Whatever happens, its last event is `run.finished`.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from api.drive import Driver
from api.elsewhere import Elsewhere
from api.run import Ending, Run, RunLimits
from api.transcript import Transcript
from api.workers import StopOrder, Workers
from chains.conversation import RunStatus, StoredRun
from chains.errors import ServiceUnavailableError
from chains.turn import Turn

_STOP_LIMIT = timedelta(seconds=5)
_POLL = timedelta(milliseconds=50)
_WATCH_AGAIN = timedelta(seconds=2)


class Runs:
    """The runs of this process, and the way to those of others.

    Args:
        driver: Answers a run.
        elsewhere: Runs of other processes, and those that have ended.
        workers: The other processes.
        limits: How long runs go on.
    """

    def __init__(
        self, driver: Driver, elsewhere: Elsewhere, workers: Workers, limits: RunLimits
    ) -> None:
        self._driver = driver
        self._elsewhere = elsewhere
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

    @property
    def elsewhere(self) -> Elsewhere:
        """Runs that are not live here."""
        return self._elsewhere

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
        return await self._elsewhere.stop(session_id, run_id, seen_chars)

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

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
