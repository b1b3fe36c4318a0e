"""What a policy makes of all verdicts on one text.

The layers only say what they found. Here the strictness, each principle's `min_strictness`,
`on_error` and `on_violation`, and what may still be unknown, turn that into one ruling.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardrails.policy import Policy
from guardrails.principles import SEVERITIES, STRICTNESSES, Principle
from guardrails.verdict import Action, Layer, Outcome, Stage, Strictness, Verdict

JUDGE_MISSING = "judge_missing"
JUDGE_FAILED = "judge_failed"
CLASSIFIER_MISSING = "classifier_missing"
REVIEW = "review"

_STOPS = (Action.BLOCK, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is to be done with a text."""

    block: Verdict | None = None
    """The violation that stops it."""
    revise: Verdict | None = None
    """The violation for which the answer is rewritten."""
    annotate: tuple[Verdict, ...] = ()
    """Violations that a note tells of."""
    failed: bool = False
    """A layer that was needed gave no verdict: stop it, as a fault."""
    unsure: bool = False
    """No layer that was allowed to speak could decide."""
    recorded: Verdict | None = None
    """The worst violation that is only recorded, as `monitor` does."""
    recorded_fault: bool = False
    """A fault that would have stopped the text at a higher strictness."""
    notes: tuple[str, ...] = field(default=())

    @property
    def stops(self) -> bool:
        """Whether the text must not be used."""
        return self.block is not None or self.failed


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known of the need for a judge."""

    needed: bool
    """Nothing before the judge was sure."""
    principle: str | None = None
    """The doubted principle, where there is one."""
    limited: bool = False
    """The caller asked for local layers only."""
    missing: bool = False
    """No judge is configured."""


class Combiner:
    """Rules on texts for one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        order = {principle.id: index for index, principle in enumerate(policy.principles)}
        self._rank = {
            principle.id: (SEVERITIES.index(principle.severity), order[principle.id])
            for principle in policy.principles
        }
        self._always = frozenset(
            (stage, strictness)
            for stage in Stage
            for strictness in Strictness
            if policy.strictness.levels[strictness].judge == "always"
            or any(
                principle.min_strictness is Strictness.STRICT
                for principle in policy.principles
                if principle.checks(stage, Layer.JUDGE)
            )
        )

    def enforced(self, principle: str | None, strictness: Strictness) -> bool:
        """Whether a violation of `principle` has consequences at `strictness`."""
        found = self._policy.constitution.by_id.get(principle) if principle else None
        level = strictness if found is None else found.at(strictness)
        return STRICTNESSES.index(level) >= STRICTNESSES.index(Strictness.BALANCED)

    def always_judged(self, stage: Stage, strictness: Strictness) -> bool:
        """Whether the judge sees every text of `stage`."""
        return (stage, strictness) in self._always

    def rule(
        self,
        stage: Stage,
        strictness: Strictness,
        verdicts: Sequence[Verdict],
        doubt: Doubt,
    ) -> Ruling:
        """Rule on one text.

        Args:
            stage: Where the text stands.
            strictness: What was asked for; principles may demand more.
            verdicts: What every layer said.
            doubt: Whether a judge was needed.
        """
        found = sorted(
            (v for v in verdicts if self._is_violation(v, strictness)), key=self._severity
        )
        enforced = [v for v in found if self.enforced(v.principle, strictness)]
        recorded = next((v for v in found if v not in enforced), None)
        notes = list(_notes(verdicts, doubt))
        by_action: dict[Action, list[Verdict]] = {action: [] for action in Action}
        for verdict in enforced:
            by_action[self._action(stage, verdict)].append(verdict)
        stopping = sorted((v for a in _STOPS for v in by_action[a]), key=self._severity)
        fault = self._fault(stage, strictness, verdicts, doubt)
        return Ruling(
            block=next(iter(stopping), None),
            revise=next(iter(by_action[Action.REVISE]), None),
            annotate=tuple(by_action[Action.ANNOTATE]),
            failed=fault is True and not stopping,
            unsure=doubt.needed and doubt.limited and not enforced,
            recorded=recorded,
            recorded_fault=fault is None,
            notes=tuple(dict.fromkeys(notes)),
        )

    def action_of(self, stage: Stage, verdict: Verdict) -> Action:
        """What the violated principle asks for, as far as it can be done at `stage`."""
        return self._action(stage, verdict)

    def _is_violation(self, verdict: Verdict, strictness: Strictness) -> bool:
        level = self._policy.strictness.levels[strictness]
        if verdict.layer is not Layer.JUDGE:
            return verdict.outcome is Outcome.BLOCK
        if verdict.outcome is Outcome.UNSURE:
            return level.controversial == "act"
        certain = verdict.score is None or verdict.score >= level.violation_from
        return verdict.outcome is Outcome.BLOCK and certain

    def _action(self, stage: Stage, verdict: Verdict) -> Action:
        principle = self._principle(verdict.principle)
        if principle is None:
            return Action.BLOCK
        action = principle.on_violation
        if action is Action.MASK:
            return Action.BLOCK  # spans are masked elsewhere: here nothing can be hidden
        if action is Action.REVISE and stage is not Stage.OUTPUT:
            return Action.BLOCK
        if action is Action.ANNOTATE and stage is not Stage.OUTPUT:
            return Action.LOG
        return action

    def _fault(
        self,
        stage: Stage,
        strictness: Strictness,
        verdicts: Sequence[Verdict],
        doubt: Doubt,
    ) -> bool | None:
        """Whether a missing verdict stops the text; None where it is only recorded."""
        broken = any(v.outcome is Outcome.ERROR and v.layer is not Layer.JUDGE for v in verdicts)
        if broken:
            return True
        silent = any(v.outcome is Outcome.ERROR for v in verdicts)
        if not doubt.needed or doubt.limited:
            return False
        strict = self.always_judged(stage, strictness)
        if not silent and not (doubt.missing and strict):
            return False
        if strict:
            return True
        return self._closes(stage, strictness, doubt.principle)

    def _closes(self, stage: Stage, strictness: Strictness, principle: str | None) -> bool | None:
        """Whether a judge that failed about a doubt stops the text: `on_error`."""
        doubted = self._principle(principle)
        if doubted is not None:
            if not self.enforced(doubted.id, strictness):
                return None
            return doubted.on_error == "closed"
        if STRICTNESSES.index(strictness) < STRICTNESSES.index(Strictness.BALANCED):
            return None
        return any(p.on_error == "closed" for p in self._policy.principles if stage in p.applies_to)

    def _principle(self, principle: str | None) -> Principle | None:
        return self._policy.constitution.by_id.get(principle) if principle else None

    def _severity(self, verdict: Verdict) -> tuple[int, int]:
        return self._rank.get(verdict.principle or "", (len(SEVERITIES), 0))


def _notes(verdicts: Sequence[Verdict], doubt: Doubt) -> Sequence[str]:
    notes: list[str] = []
    if doubt.needed and doubt.missing and not doubt.limited:
        notes.append(JUDGE_MISSING)
    for verdict in verdicts:
        if verdict.layer is Layer.JUDGE and verdict.outcome is Outcome.ERROR:
            notes.append(JUDGE_FAILED)
        elif verdict.layer is Layer.JUDGE and verdict.outcome is not Outcome.PASS:
            notes.append(REVIEW)
    return notes
