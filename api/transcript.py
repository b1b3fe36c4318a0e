"""Folding a run's events into what is answered, kept and shown again."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from api.schemas import AnswerMetadata, ChatAnswer, HistoryItem, Timings, TokenUsage, Violation
from chains.conversation import StoredBlock
from chains.errors import InternalError
from chains.events import (
    ChatEvent,
    Citation,
    ErrorEvent,
    FollowUps,
    GuardBlocked,
    GuardModified,
    MessageCompleted,
    MessageDelta,
    RunFinished,
    RunStarted,
    SourceItem,
    Sources,
    Status,
    UsageReport,
)
from chains.turn import Exchange, FinishReason


@dataclass(slots=True)
class Transcript:
    """One run as its events tell it."""

    message_id: str = ""
    """Of a run that is only retold, what `run.started` says."""
    parent_id: str | None = None
    question: str = field(default="", repr=False)
    started: RunStarted | None = None
    sources: tuple[SourceItem, ...] = field(default=(), repr=False)
    citations: list[Citation] = field(default_factory=list)
    blocked: GuardBlocked | None = field(default=None, repr=False)
    follow_ups: tuple[str, ...] = field(default=(), repr=False)
    usage: UsageReport | None = None
    degraded: Literal["secondary_model", "cached", "extractive"] | None = None
    finish_reason: FinishReason | None = None
    error: ErrorEvent | None = None
    finished: RunFinished | None = None
    _text: list[str] = field(default_factory=list, repr=False)
    _length: int = 0

    @property
    def text(self) -> str:
        """The released answer, without what was withdrawn."""
        return "".join(self._text)

    def add(self, event: ChatEvent) -> None:  # noqa: C901, PLR0912 - one flat case an event
        """Take in the next event."""
        match event:
            case MessageDelta():
                if event.offset < self._length:  # a revised answer begins again
                    self.clamp(event.offset)
                self._text.append(event.text)
                self._length += len(event.text)
            case RunStarted():
                self.started = event
                self.message_id = event.message_id
            case Status(reason="secondary_model" | "cached" | "extractive" as rung):
                self.degraded = rung
            case Sources():
                self.sources = event.items
            case Citation():
                self.citations.append(event)
            case GuardBlocked():
                self.blocked = event
                if event.retract_from is not None:
                    self.clamp(event.retract_from)
            case GuardModified(stage="input"):
                # What was typed must not be kept; what was asked instead, only the chain can say.
                self.question = ""
            case MessageCompleted():
                self.finish_reason = event.finish_reason
            case FollowUps():
                self.follow_ups = event.items
            case UsageReport():
                self.usage = event
            case ErrorEvent():
                self.error = event
            case RunFinished():
                self.finished = event
            case _:
                pass

    def clamp(self, length: int) -> None:
        """Forget the answer from the character `length` on."""
        self._text = [self.text[:length]]
        self._length = len(self._text[0])
        self.citations = [found for found in self.citations if found.end <= length]

    def answer(self) -> ChatAnswer:
        """The whole answer as one document.

        Raises:
            InternalError: The run failed or has not ended.
        """
        reason = self._reason()
        if self.started is None or reason == "error":
            raise InternalError("There is no whole answer.")
        shown = [self.text] if self.blocked is None else [self.text, self.blocked.replacement.text]
        return ChatAnswer(
            run_id=self.started.run_id,
            message_id=self.message_id,
            parent_id=self.parent_id,
            # What passed its checks before a block stays; a reader of the stream sees it too.
            text="\n\n".join(filter(None, shown)),
            finish_reason=reason,
            violation=self.violation,
            citations=tuple(self.citations),
            sources=self.sources,
            follow_ups=self.follow_ups,
            metadata=self._metadata(self.started),
        )

    def exchange(self) -> Exchange:
        """What the session remembers. Text a principle stopped is not in it."""
        input_blocked = self.blocked is not None and self.blocked.stage == "input"
        return Exchange(
            message_id=self.message_id,
            question="" if input_blocked else self.question,
            answer="" if self.blocked is not None else self.text,
            finish_reason=self._reason(),
            at=datetime.now(UTC),
            parent_id=self.parent_id,
        )

    def item(self) -> HistoryItem:
        """The exchange as the history shows it."""
        exchange = self.exchange()
        stopped = self.blocked is not None
        kept = self.blocked.replacement.text if self.blocked is not None else self.text
        return HistoryItem(
            run_id=None if self.started is None else self.started.run_id,
            message_id=exchange.message_id,
            parent_id=exchange.parent_id,
            question=exchange.question,
            text=kept,
            finish_reason=exchange.finish_reason,
            violation=self.violation,
            citations=() if stopped else tuple(self.citations),
            sources=() if stopped else self.sources,
            follow_ups=self.follow_ups,
            metadata=None if self.started is None else self._metadata(self.started),
            at=exchange.at,
        )

    def block(self) -> StoredBlock | None:
        """What a person may appeal."""
        if self.blocked is None:
            return None
        principle = self.blocked.principle
        return StoredBlock(
            decision_id=self.blocked.decision_id,
            message_id=self.message_id,
            stage=self.blocked.stage,
            principle_id=None if principle is None else principle.id,
            appealable=self.blocked.appealable,
        )

    def _reason(self) -> FinishReason:
        if self.blocked is not None:
            return "blocked"
        if self.error is not None:
            return "error"
        return self.finish_reason or "error"

    def _metadata(self, started: RunStarted) -> AnswerMetadata:
        usage = self.usage
        return AnswerMetadata(
            model=started.model,
            policy_version=started.policy_version,
            degraded=self.degraded,
            usage=TokenUsage(
                prompt_tokens=usage.prompt_tokens if usage else 0,
                completion_tokens=usage.completion_tokens if usage else 0,
                cost_usd=usage.cost_usd if usage else None,
            ),
            timings_ms=Timings(
                ttft=usage.ttft_ms if usage else None,
                rails=usage.rails_ms if usage else 0.0,
                total=usage.total_ms if usage else 0.0,
            ),
            demo=started.demo,
            notes=usage.notes if usage else (),
        )

    @property
    def violation(self) -> Violation | None:
        """Why it was stopped, if it was."""
        if self.blocked is None:
            return None
        return Violation(
            principle=self.blocked.principle,
            stage=self.blocked.stage,
            decision_id=self.blocked.decision_id,
            appealable=self.blocked.appealable,
            alternatives=self.blocked.alternatives,
            failed=self.blocked.failed,
        )
