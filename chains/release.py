"""Turning decided windows into events: what a reader may see, with exact offsets."""

from collections.abc import Callable, Iterator
from typing import Protocol

from chains.events import (
    ChatEvent,
    Citation,
    GuardBlocked,
    GuardModified,
    MessageDelta,
    PrincipleRef,
    Replacement,
    Trace,
)
from chains.turn import Turn
from guardrails.verdict import Decision, Outcome, Stage


class CitationMarks(Protocol):
    """Finds citation marks in released text; `chains.cite.Citations`."""

    def feed(self, text: str) -> tuple[str, tuple[Citation, ...]]:
        """Add text; return what can be released of it and the citations it completes."""

    def flush(self) -> tuple[str, tuple[Citation, ...]]:
        """Return what was still held back."""

    def position(self, fed: int) -> int:
        """Where the character fed as number `fed` stands in the released text."""


class Release:
    """The answer as far as it was released.

    Args:
        turn: The turn that is answered.
        marks: Makes a finder of citations for the released text.
    """

    def __init__(self, turn: Turn, marks: Callable[[], CitationMarks]) -> None:
        self._turn = turn
        self._new_marks = marks
        self._marks = marks()
        self._fed = 0
        self.length = 0
        """Characters released so far."""

    def window(self, window: str, decision: Decision) -> Iterator[ChatEvent]:
        """Release a window as its decision says.

        A revised answer begins again at offset 0: a delta replaces what was shown from its offset
        on.
        """
        if decision.whole:
            self._marks = self._new_marks()
            self._fed = self.length = 0
        text = window
        if decision.outcome is Outcome.MODIFY and decision.text is not None:
            text = decision.text
        before = self._fed
        self._fed += len(text)
        yield from self._deltas(*self._marks.feed(text))
        yield from modified(decision, lambda offset: self._marks.position(before + offset))

    def rest(self) -> Iterator[ChatEvent]:
        """Release what the marks still held back at the end of the answer."""
        yield from self._deltas(*self._marks.flush())

    def blocked(self, decision: Decision, *, retract: bool) -> GuardBlocked:
        """Tell that a principle, or a fault of a rail, stopped the turn.

        Args:
            decision: The decision that stopped it.
            retract: Whether what was released so far is withdrawn.
        """
        retract_from = 0 if retract and self.length else None
        if retract:
            self.length = 0
        policy = self._turn.pinned_rails.policy
        language = self._turn.language
        principle = (
            policy.principle_text(decision.principle, language) if decision.principle else None
        )
        return GuardBlocked(
            stage=decision.stage.value,
            retract_from=retract_from,
            principle=PrincipleRef(
                id=principle.id, title=principle.title, summary=principle.summary
            )
            if principle
            else None,
            decision_id=decision.id,
            appealable=not decision.failed,
            replacement=Replacement(text=policy.refusal(decision, language), lang=language),
            alternatives=principle.alternatives if principle and not decision.failed else (),
            failed=decision.failed,
        )

    def _deltas(self, text: str, citations: tuple[Citation, ...]) -> Iterator[ChatEvent]:
        if text:
            yield MessageDelta(text=text, offset=self.length)
            self.length += len(text)
        yield from citations


def modified(
    decision: Decision, position: Callable[[int], int] = lambda offset: offset
) -> Iterator[GuardModified]:
    """Tell what was masked, annotated or revised.

    Args:
        decision: The decision that changed a text.
        position: Maps an offset in the decision's text to the offset people see.
    """
    for edit in decision.edits:
        yield GuardModified(
            stage=decision.stage.value,
            start=position(edit.start),
            end=position(edit.end),
            kind=edit.kind,
            principle_id=edit.principle,
        )


def traces(decision: Decision) -> Iterator[Trace]:
    """What each rail said, for engineers who asked."""
    for verdict in decision.verdicts:
        yield Trace(
            decision_id=decision.id,
            stage=Stage(decision.stage).value,
            rail=verdict.rail,
            layer=verdict.layer.value,
            outcome=verdict.outcome.value,
            principle_id=verdict.principle,
            score=verdict.score,
            rule=verdict.rule,
            ms=verdict.ms,
            tokens=verdict.tokens,
        )
