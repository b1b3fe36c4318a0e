"""Driving one run from its first event to its last, whatever happens in between."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from time import perf_counter

import structlog
from langchain_core.runnables import Runnable

from api.middleware import origin
from api.problems import event_of
from api.run import Ending, Run, RunLimits
from api.run_log import RunLog
from chains.conversation import FinalStatus
from chains.errors import CovenantError, InternalError, ServiceUnavailableError
from chains.events import MessageCompleted, QuestionMasked, RunFinished, Told
from chains.store import ConversationStore, LogEntries
from chains.streams import closing
from chains.turn import FinishReason, Turn

_log = structlog.get_logger("covenant.runs")
_ENDED: Mapping[Ending | None, ServiceUnavailableError] = {
    Ending.DRAINED: ServiceUnavailableError(
        "The service is restarting. What was answered so far is kept.",
        retry_after=timedelta(seconds=5),
    ),
    Ending.OVERDUE: ServiceUnavailableError("The answer took too long and was cut off."),
}


class Driver:
    """Runs the chain, keeps what it said, and always says the last word.

    Args:
        chat: The path of one message.
        store: Keeps the exchange.
        log: Shows the events to other processes.
        limits: How long a run may take.
    """

    def __init__(
        self,
        chat: Runnable[Turn, Told],
        store: ConversationStore,
        log: RunLog,
        limits: RunLimits,
    ) -> None:
        self._chat = chat
        self._store = store
        self._log = log
        self._limits = limits

    async def drive(self, run: Run) -> None:
        """Answer a run's turn. Never raises but for the cancellation of this task itself."""
        began = perf_counter()
        status: FinalStatus = "failed"
        try:
            try:
                said, error = await self._consume(run)
            finally:
                run.limit = None
            status = self._last_words(run, said, error)
        except Exception as error:  # noqa: BLE001 - the last event must come even after our defects
            _log.error("defect", run_id=run.id, request_id=run.request_id, **origin(error))
        finally:
            await self._finish(run, status)
            _log.info(
                "run",
                run_id=run.id,
                request_id=run.request_id,
                status=status,
                ending=None if run.ending is None else run.ending.value,
                events=len(run.frames),
                ms=round((perf_counter() - began) * 1000, 1),
            )

    async def _consume(self, run: Run) -> tuple[FinalStatus | None, CovenantError | None]:
        """Take in the chain's events, but for the last.

        Returns:
            The status the chain ended with, and the error it failed with.
        """
        said: FinalStatus | None = None
        limit = asyncio.timeout(self._limits.deadline.total_seconds())
        try:
            async with limit:
                run.limit = limit
                if run.ending is None:  # it may have been stopped before it began
                    said = await self._read(run)
        except TimeoutError as error:
            if not limit.expired():
                return None, self._defect(run, error)
            run.ending = run.ending or Ending.OVERDUE
        except CovenantError as error:
            return None, error
        except Exception as error:  # noqa: BLE001 - whatever a chain raises ends its run, not us
            return None, self._defect(run, error)
        return said, None

    async def _read(self, run: Run) -> FinalStatus:
        said: FinalStatus | None = None
        async with closing(self._chat.astream(run.turn)) as events:
            async for event in events:
                # Read on after the last event: closing a generator early looks like a failure
                # to LangChain's tracers.
                if isinstance(event, RunFinished):
                    said = event.status
                elif said is None:
                    self._take(run, event)
        if said is None:
            raise InternalError("The chain ended without its last event.")
        return said

    def _take(self, run: Run, event: Told) -> None:
        if isinstance(event, QuestionMasked):
            run.transcript.question = event.text
            return
        run.add(event)
        if not run.stateless:
            self._log.touch(run)
        if len(run.frames) >= self._limits.max_events:
            run.end(Ending.OVERDUE)

    def _defect(self, run: Run, error: Exception) -> InternalError:
        _log.error("defect", run_id=run.id, request_id=run.request_id, **origin(error))
        return InternalError("The chain failed.")

    def _last_words(
        self, run: Run, said: FinalStatus | None, error: CovenantError | None
    ) -> FinalStatus:
        """Say what a run that ended early still has to say; the status it ends with."""
        if said is not None:
            return said
        if run.transcript.blocked is not None:
            self._complete(run, "blocked")
            return "blocked"
        if run.ending in (Ending.STOPPED, Ending.ABANDONED, Ending.ERASED):
            if run.seen_chars is not None:
                run.transcript.clamp(run.seen_chars)
            self._complete(run, "stopped")
            return "stopped"
        failure = _ENDED.get(run.ending) or error or InternalError("A run ended without a reason.")
        run.failure = failure
        self._complete(run, "error")
        run.add(event_of(failure, run.request_id))
        return "failed"

    def _complete(self, run: Run, reason: FinishReason) -> None:
        if run.transcript.started is not None and run.transcript.finish_reason is None:
            length = len(run.transcript.text)
            run.add(MessageCompleted(finish_reason=reason, length=length))

    async def _finish(self, run: Run, status: FinalStatus) -> None:
        """Keep the exchange, then say the last word: who has read it finds the history complete."""
        last = RunFinished(status=status)
        self._log.forget(run)
        if run.ending is not Ending.ERASED:
            kept = run.transcript.started is not None and not run.stateless
            try:
                await self._store.finish(
                    run.session_id,
                    replace(run.stored, status=status, question=""),
                    exchange=run.transcript.exchange() if kept else None,
                    details=run.transcript.item().model_dump_json().encode() if kept else b"",
                    block=run.transcript.block(),
                    log=LogEntries() if run.stateless else self._log.rest(run, run.prepared(last)),
                )
            except ServiceUnavailableError:
                _log.warning("run_not_kept", run_id=run.id, request_id=run.request_id)
        run.add(last)
        run.ended.set()
        run.notify()
