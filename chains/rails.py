"""Rails around the model: nothing is released before it was judged.

Input rails, retrieval and generation start together; generation runs a bounded number of windows
ahead; nothing is released before the input verdict; a block stops the model at once. The rails go
*around* the model, never behind it (`model | rails`): LangChain reads an upstream to its end for
its tracer, so a later stage that stops early would leave the model generating.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.ahead import Ahead
from chains.errors import ModelInterruptedError
from chains.events import (
    ChatEvent,
    MessageCompleted,
    QuestionMasked,
    ReasoningDelta,
    RunFinished,
    RunStarted,
    Status,
    Told,
    UsageReport,
)
from chains.protocols import AnswerRails
from chains.release import CitationMarks, Release, modified, traces
from chains.sources import sources
from chains.streams import closing
from chains.turn import (
    Answering,
    Completed,
    Passage,
    Piece,
    Reasoning,
    Retrieved,
    Rung,
    Text,
    Turn,
    Usage,
    joined,
)
from guardrails.verdict import Decision, Outcome

_PHASES: dict[type[Piece], Literal["thinking", "answering", "checking_output"]] = {
    Reasoning: "thinking",
    Text: "answering",
    Completed: "checking_output",
}


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What `run.started` says of the model."""

    name: str
    demo: bool
    """No model was found: answers are quoted from the knowledge base."""


def guarded(
    answer: Runnable[Turn, Piece],
    *,
    model: ModelIdentity,
    marks: Callable[[tuple[Passage, ...]], CitationMarks],
    queue_pieces: int,
) -> Runnable[Turn, Told]:
    """Build the stage that runs `answer` between its rails and tells what happens.

    Args:
        answer: The rest of the path, from a prepared turn to pieces of an answer.
        model: What is announced as the answering model.
        marks: Makes the citation finder for the passages of a turn.
        queue_pieces: Most pieces generated ahead of the rails.

    Raises:
        CovenantError: When streaming, if no rung of the ladder could answer or the answer broke
            off. Everything that can honestly be said was said before; the caller ends the run.
    """

    async def events(turns: AsyncIterator[Turn]) -> AsyncIterator[Told]:
        async for turn in turns:
            run = _GuardedRun(answer, turn, model=model, marks=marks, queue_pieces=queue_pieces)
            async with closing(run.events()) as stream:
                async for event in stream:
                    yield event

    return RunnableGenerator(events, name="guarded")


class _GuardedRun:
    """One turn between its rails."""

    def __init__(
        self,
        answer: Runnable[Turn, Piece],
        turn: Turn,
        *,
        model: ModelIdentity,
        marks: Callable[[tuple[Passage, ...]], CitationMarks],
        queue_pieces: int,
    ) -> None:
        self._answer = answer
        self._turn = turn
        self._model = model
        self._marks = marks
        self._queue_pieces = queue_pieces
        self._began = perf_counter()
        self._first_text: float | None = None
        self._rails_ms = 0.0
        self._notes: dict[str, None] = {}
        self._usage = Usage()
        self._phase: str | None = None
        self._release = Release(turn, lambda: marks(()))
        self._blocked = False

    async def events(self) -> AsyncIterator[Told]:
        turn = self._turn
        yield RunStarted(
            run_id=turn.run_id,
            session_id=turn.session_id,
            message_id=turn.message_id,
            model=self._model.name,
            policy_version=turn.pinned_rails.policy.version,
            demo=self._model.demo,
        )
        yield Status(phase="checking_input")
        ahead = Ahead(self._answer.astream(turn), limit=self._queue_pieces)
        try:
            decision = await turn.pinned_rails.check_input(
                turn.conversation, strictness=turn.strictness
            )
            for event in self._decided(decision):
                yield event
            if not self._blocked:
                if decision.outcome is Outcome.MODIFY and decision.text is not None:
                    for edit in modified(decision):
                        yield edit
                    yield QuestionMasked(decision.text)
                    # The model must not go on reading what was masked.
                    await ahead.aclose()
                    self._turn = turn = replace(turn, question=decision.text)
                    ahead = Ahead(self._answer.astream(turn), limit=self._queue_pieces)
                async with closing(self._answered(ahead)) as answered:
                    async for event in answered:
                        yield event
        finally:
            await ahead.aclose()
        for event in self._ended():
            yield event

    async def _answered(self, ahead: Ahead[Piece]) -> AsyncIterator[ChatEvent]:
        """Release the answer, window by checked window, while the next ones are generated."""
        rails = self._turn.pinned_rails.answer(
            self._turn.conversation, strictness=self._turn.strictness
        )
        try:
            while batch := await ahead.batch():
                async with closing(self._released(joined(batch), rails)) as events:
                    async for event in events:
                        yield event
                if self._blocked:
                    return
        except ModelInterruptedError:
            for event in await self._broken_off(rails):
                yield event
            if not self._blocked:
                raise

    async def _released(
        self, pieces: Sequence[Piece], rails: AnswerRails
    ) -> AsyncIterator[ChatEvent]:
        for piece in pieces:
            for event in self._phase_of(piece):
                yield event
            for event in await self._handled(piece, rails):
                yield event
            if self._blocked:
                return

    async def _broken_off(self, rails: AnswerRails) -> list[ChatEvent]:
        """Name as cut off what was shown, which stays; the error itself follows."""
        events = await self._last_words(rails)
        if not self._blocked:
            events.append(MessageCompleted(finish_reason="error", length=self._release.length))
            events.append(self._report())
        return events

    def _phase_of(self, piece: Piece) -> list[ChatEvent]:
        if isinstance(piece, Answering):
            degraded = piece.rung is not Rung.PRIMARY
            return [Status(phase="degraded", reason=piece.rung.value)] if degraded else []
        phase = _PHASES.get(type(piece))
        if phase is None or phase == self._phase:
            return []
        self._phase = phase
        return [Status(phase=phase)]

    async def _handled(self, piece: Piece, rails: AnswerRails) -> list[ChatEvent]:
        if isinstance(piece, Text):
            return self._decided(await rails.check(piece.text), window=piece.text)
        if isinstance(piece, Reasoning):
            return self._reasoned(await rails.check_reasoning(piece.text), piece.text)
        if isinstance(piece, Retrieved):
            rails.cites(piece.passages)
            return self._retrieved(piece)
        if isinstance(piece, Completed):
            return await self._completed(piece, rails)
        return []

    def _retrieved(self, retrieved: Retrieved) -> list[ChatEvent]:
        self._release = Release(self._turn, lambda: self._marks(retrieved.passages))
        events: list[ChatEvent] = []
        for decision in retrieved.screened:
            self._count(decision)
            if self._turn.trace:
                events.extend(traces(decision))
        if retrieved.passages:
            events.append(sources(retrieved.passages))
        return events

    def _decided(
        self, decision: Decision, *, retract: bool = False, window: str | None = None
    ) -> list[ChatEvent]:
        """The events of a decision; with `window`, of releasing it."""
        self._count(decision)
        events: list[ChatEvent] = list(traces(decision)) if self._turn.trace else []
        if decision.blocked:
            self._blocked = True
            events.append(self._release.blocked(decision, retract=retract))
        elif window is not None:
            events.extend(self._release.window(window, decision))
            if self._first_text is None and self._release.length:
                self._first_text = perf_counter()
        return events

    def _reasoned(self, decision: Decision, text: str) -> list[ChatEvent]:
        events = self._decided(decision)
        released = text if decision.text is None else decision.text
        if self._turn.thinking and released and not self._blocked:
            events.append(ReasoningDelta(text=released))
        return events

    async def _completed(self, completed: Completed, rails: AnswerRails) -> list[ChatEvent]:
        self._usage = completed.usage
        events = await self._last_words(rails)
        if not self._blocked:
            events.append(
                MessageCompleted(finish_reason=completed.finish_reason, length=self._release.length)
            )
        return events

    async def _last_words(self, rails: AnswerRails) -> list[ChatEvent]:
        """Release what was held back, if question and answer together pass."""
        events = self._decided(await rails.end(), retract=True, window="")
        if not self._blocked:
            events.extend(self._release.rest())
        return events

    def _ended(self) -> list[ChatEvent]:
        if self._blocked:
            completed = MessageCompleted(finish_reason="blocked", length=self._release.length)
            return [completed, self._report(), RunFinished(status="blocked")]
        return [self._report(), RunFinished(status="completed")]

    def _count(self, decision: Decision) -> None:
        self._rails_ms += decision.ms
        self._notes |= dict.fromkeys(decision.notes)

    def _report(self) -> UsageReport:
        now = perf_counter()
        return UsageReport(
            prompt_tokens=self._usage.prompt_tokens,
            completion_tokens=self._usage.completion_tokens,
            cost_usd=self._usage.cost_usd,
            ttft_ms=None if self._first_text is None else (self._first_text - self._began) * 1e3,
            rails_ms=self._rails_ms,
            total_ms=(now - self._began) * 1e3,
            notes=tuple(self._notes),
        )
