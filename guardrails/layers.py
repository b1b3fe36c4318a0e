"""Running the layers over one text, cheapest first: rules, classifier, judge."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final, Protocol

from guardrails.classifier.scores import Assessment, Bounds, Reading, Scores, Thresholds, decide
from guardrails.judge import Judge, JudgeError, Question
from guardrails.judge_reply import Violation
from guardrails.policy import Policy
from guardrails.principles import Principle
from guardrails.rules import Found
from guardrails.sentences import prose_spans
from guardrails.strictness import BoundOverrides
from guardrails.verdict import Edit, Layer, Outcome, Stage, Verdict

CLASSIFIER_RAIL: Final = "classifier"
JUDGE_RAIL: Final = "judge"
_KEPT: Final = 4096
_ENGLISH: Final = re.compile(r"\b(?:the|and|you|your|with|this|that|are|is|of|to)\b", re.IGNORECASE)
_OUTCOMES: Final = {
    Reading.CLEAR: Outcome.PASS,
    Reading.UNSURE: Outcome.UNSURE,
    Reading.VIOLATION: Outcome.BLOCK,
}


class Reader(Protocol):
    """What the layers ask of the classifier; `guardrails.classifier.classifier.Classifier`."""

    @property
    def thresholds(self) -> Thresholds:
        """The measured defaults."""

    def score(self, texts: Sequence[str], *, floor: float = 0.0) -> list[Scores]:
        """Score texts, in order; with a `floor` more cheaply."""

    def score_instructions(self, sentences: Sequence[str]) -> list[float]:
        """Probability that each sentence is an instruction to the assistant."""


@dataclass(frozen=True, slots=True)
class Local:
    """What the layers in this process said of a text."""

    verdicts: tuple[Verdict, ...]
    cleared: bool
    """Whether the classifier is sure that nothing is wrong, so that no judge is needed."""
    principle: str | None = None
    """The principle that is doubted, where one is."""
    missing: bool = field(default=False)
    """Whether there was no classifier to ask."""


class Layers:
    """The layers of one policy.

    Args:
        policy: Whose rules and thresholds apply.
        classifier: Layer L1; None where it is not installed, and every text is unsure.
        judge: Layer L2; None where none is configured.
    """

    def __init__(self, policy: Policy, classifier: Reader | None, judge: Judge | None) -> None:
        self.policy = policy
        self.judge = judge
        self._classifier = classifier
        self._kept: OrderedDict[bytes, Local] = OrderedDict()
        self._thresholds = _thresholds(policy, classifier)
        self._floor = policy.strictness.classifier.answer_floor
        self._classified = {
            stage: frozenset(p.id for p in policy.principles if p.checks(stage, Layer.CLASSIFIER))
            for stage in Stage
        }

    @property
    def has_classifier(self) -> bool:
        """Whether layer L1 is there."""
        return self._classifier is not None

    def judged_principles(self, stage: Stage) -> tuple[Principle, ...]:
        """The principles the judge looks for at `stage`."""
        return tuple(p for p in self.policy.principles if p.checks(stage, Layer.JUDGE))

    def local(self, stage: Stage, text: str) -> Local:
        """Run rules and classifier over a message or a window of an answer.

        The result is remembered by the text's hash, so that a conversation's earlier turns cost
        nothing when they are checked again.
        """
        return self.local_batch(stage, (text,))[0]

    def local_batch(self, stage: Stage, texts: Sequence[str]) -> list[Local]:
        """Run rules and classifier over several texts; the classifier reads them at once."""
        keys = [_key(stage, text) for text in texts]
        results = {key: self._kept[key] for key in keys if key in self._kept}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in results}
        results |= dict(zip(fresh, self._inspect(stage, list(fresh.values())), strict=True))
        for key in fresh:
            self._kept[key] = results[key]
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return [results[key] for key in keys]

    async def ask(self, question: Question) -> tuple[Verdict, ...]:
        """Ask the judge; a judge that fails is an `ERROR` verdict, never an exception."""
        began = perf_counter()
        if self.judge is None:
            return ()
        try:
            judgement = await self.judge.ask(question)
        except JudgeError as error:
            ms = (perf_counter() - began) * 1e3
            return (Verdict(Layer.JUDGE, JUDGE_RAIL, Outcome.ERROR, rule=error.fault, ms=ms),)
        ms = (perf_counter() - began) * 1e3
        asked = {principle.id for principle in question.principles}
        verdicts = tuple(
            replace(_verdict(violation), ms=ms, tokens=judgement.tokens)
            for violation in judgement.violations
            if violation.principle is None or violation.principle in asked
        )
        passed = Verdict(Layer.JUDGE, JUDGE_RAIL, Outcome.PASS, ms=ms, tokens=judgement.tokens)
        return verdicts or (passed,)

    def _inspect(self, stage: Stage, texts: Sequence[str]) -> list[Local]:
        found = [self.policy.rules.check(stage, text) for text in texts]
        open_texts = [
            index
            for index, one in enumerate(found)
            if not any(verdict.outcome is Outcome.BLOCK for verdict in one.verdicts)
        ]
        read: dict[int, Verdict] = {}
        if self._classifier is not None and self._classified[stage]:
            if stage is Stage.RETRIEVAL:
                read = self._instructions(texts, open_texts)
            else:
                read = self._classes(stage, self._readings(texts, found, open_texts))
        missing = self._classifier is None
        return [
            _local(
                (*one.verdicts, *((read[index],) if index in read else ())),
                missing=missing,
                allowed=one.allowed,
            )
            for index, one in enumerate(found)
        ]

    def _readings(
        self, texts: Sequence[str], found: Sequence[Found], indices: Sequence[int]
    ) -> list[tuple[int, str]]:
        """What the classifier reads of each text: as it was written, and what it hid."""
        readings: list[tuple[int, str]] = []
        for index in indices:
            if not found[index].allowed:
                readings.append((index, texts[index]))
            readings.extend((index, reading) for reading in found[index].views.decoded)
        return readings

    def _classes(self, stage: Stage, readings: Sequence[tuple[int, str]]) -> dict[int, Verdict]:
        """The classifier's worst verdict on the readings of each text."""
        if self._classifier is None or not readings:
            return {}
        floor = self._floor if stage is Stage.OUTPUT else 0.0
        scored = self._classifier.score([reading for _, reading in readings], floor=floor)
        worst: dict[int, Verdict] = {}
        for (index, reading), scores in zip(readings, scored, strict=True):
            if stage is Stage.OUTPUT and scores.gates:
                verdict = self._class(stage, replace(scores, gates=_answer_gates(scores, reading)))
            else:
                verdict = self._class(stage, scores)
            known = worst.get(index)
            if known is None or _RANK[verdict.outcome] > _RANK[known.outcome]:
                worst[index] = verdict
        return worst

    def _class(self, stage: Stage, scores: Scores) -> Verdict:
        assessment = decide(scores, self._thresholds[stage])
        return Verdict(
            Layer.CLASSIFIER,
            CLASSIFIER_RAIL,
            _OUTCOMES[assessment.reading],
            principle=self._principle(stage, assessment, scores),
            score=round(assessment.score, 4),
            rule=None if assessment.reading is Reading.CLEAR else assessment.reason,
            ms=scores.ms,
        )

    def _principle(self, stage: Stage, assessment: Assessment, scores: Scores) -> str | None:
        """The likeliest principle among those the classifier may report here."""
        if assessment.reading is Reading.CLEAR or assessment.principle is None:
            return None
        allowed = self._classified[stage]
        if assessment.principle in allowed:
            return assessment.principle
        return max(
            (name for name in scores.groups if name in allowed),
            key=scores.groups.__getitem__,
            default=None,
        )

    def _instructions(self, texts: Sequence[str], indices: Sequence[int]) -> dict[int, Verdict]:
        """The classifier's verdict on retrieved texts: the sentences that give orders."""
        if self._classifier is None:
            return {}
        spans = {index: prose_spans(texts[index]) for index in indices}
        began = perf_counter()
        pieces = [texts[index][start:end] for index in indices for start, end in spans[index]]
        scores = iter(self._classifier.score_instructions(pieces))
        ms = (perf_counter() - began) * 1e3 / max(1, len(indices))
        return {
            index: self._instructed(
                texts[index], [(span, next(scores)) for span in spans[index]], ms
            )
            for index in indices
        }

    def _instructed(
        self, text: str, scored: Sequence[tuple[tuple[int, int], float]], ms: float
    ) -> Verdict:
        """What is to become of a document whose sentences were scored.

        One sentence that gives orders is left out. Where several do, or nothing else would stand
        there, the whole text is: an attack is seldom alone in its paragraph.
        """
        bounds = self._thresholds[Stage.RETRIEVAL]
        orders = [
            span
            for span, score in scored
            if score
            >= (bounds.zh if _is_chinese(text[span[0] : span[1]]) else bounds.en).instruction
        ]
        whole = len(orders) > max(1, len(scored) * _MOST_ORDERS) or len(orders) == len(scored) > 0
        return Verdict(
            Layer.CLASSIFIER,
            CLASSIFIER_RAIL,
            Outcome.BLOCK if whole else Outcome.MODIFY if orders else Outcome.PASS,
            principle="integrity" if orders else None,
            score=round(max((score for _, score in scored), default=0.0), 4),
            rule="instruction" if orders else None,
            edits=()
            if whole
            else tuple(Edit(*span, "", "instruction", "integrity") for span in orders),
            ms=ms,
        )


_MOST_ORDERS: Final = 0.2
"""Share of a document's sentences that may be left out of it."""

_RANK: Final = {Outcome.PASS: 0, Outcome.UNSURE: 1, Outcome.BLOCK: 2}


def _answer_gates(scores: Scores, text: str) -> tuple[str, ...]:
    """The gates that count for a window of an answer.

    Code, tables and addresses look machine-made and foreign and are ordinary in answers; what is
    written in another language has none of the commonest English words.
    """
    foreign = "language" in scores.gates and not _ENGLISH.search(text)
    return ("language",) if foreign else ()


def _local(verdicts: tuple[Verdict, ...], *, missing: bool, allowed: bool) -> Local:
    doubts = [v for v in verdicts if v.outcome is Outcome.UNSURE]
    asked = any(verdict.layer is Layer.CLASSIFIER for verdict in verdicts)
    return Local(
        verdicts,
        cleared=(asked or allowed) and not doubts,
        principle=next((v.principle for v in doubts if v.principle), None),
        missing=missing,
    )


def _verdict(violation: Violation) -> Verdict:
    """A judge's finding; the policy's level decides whether its confidence is enough."""
    return Verdict(
        Layer.JUDGE,
        JUDGE_RAIL,
        Outcome.UNSURE if violation.controversial else Outcome.BLOCK,
        principle=violation.principle,
        score=violation.confidence,
        rule=violation.rule,
    )


def _key(stage: Stage, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=16, person=stage.value.encode()).digest()


def _is_chinese(text: str) -> bool:
    return any("\u3400" <= c <= "\u9fff" for c in text)


def _thresholds(policy: Policy, classifier: Reader | None) -> dict[Stage, Thresholds]:
    if classifier is None:
        return {}
    settings = policy.strictness.classifier
    measured = classifier.thresholds
    return {
        stage: Thresholds(
            en=_bounds(measured.en, override.en), zh=_bounds(measured.zh, override.zh)
        )
        for stage, override in (
            (Stage.INPUT, settings.input),
            (Stage.OUTPUT, settings.output),
            (Stage.RETRIEVAL, settings.retrieval),
        )
    }


def _bounds(measured: Bounds, override: BoundOverrides) -> Bounds:
    return replace(measured, **override.model_dump(exclude_none=True))
