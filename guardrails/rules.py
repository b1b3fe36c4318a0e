"""Layer L0: deterministic rules from `rules/*.yml`, compiled once.

A rule is a handful of patterns that mean a principle is violated (`block`) or may be (`flag`: the
judge is asked). Patterns read every view of a text (`guardrails.normalise`), in lower case.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from guardrails.normalise import Views, views
from guardrails.pii import Detectors, Span
from guardrails.principles import Principle
from guardrails.rule_file import PersonalData, Rule, RuleFile
from guardrails.verdict import Layer, Outcome, Stage, Verdict

RAIL = "rules"
_LONGEST = 20_000
"""Characters of one view that patterns read; of a longer text its start and its end."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule, ready to be matched."""

    id: str
    principle: str
    outcome: Outcome
    hints: tuple[str, ...]
    any: tuple[re.Pattern[str], ...]
    all: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, rule: Rule) -> "CompiledRule":
        """Compile a rule, whose patterns were checked before."""
        joined = (re.compile("|".join(f"(?:{p})" for p in rule.any)),) if rule.any else ()
        return cls(
            rule.id,
            rule.principle,
            Outcome.BLOCK if rule.then == "block" else Outcome.UNSURE,
            rule.hints,
            joined,
            tuple(re.compile(pattern) for pattern in rule.all),
            tuple(re.compile(pattern) for pattern in rule.unless),
        )

    def matches(self, text: str) -> bool:
        """Whether the rule applies to a folded text."""
        if self.hints and not any(hint in text for hint in self.hints):
            return False
        return (
            all(pattern.search(text) for pattern in self.any)
            and all(pattern.search(text) for pattern in self.all)
            and not any(pattern.search(text) for pattern in self.unless)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules said of one text."""

    verdicts: tuple[Verdict, ...]
    views: Views = field(repr=False)
    allowed: bool = False
    """Whether the message as it stands is on the allow list."""


class Rules:
    """All rules of a policy.

    Args:
        files: The files of `rules/`; checked by `problems_of` before.
        principles: The constitution's principles; a rule speaks only where its principle applies.
    """

    def __init__(self, files: Iterable[RuleFile], principles: Sequence[Principle]) -> None:
        applying = {p.id: p for p in principles}
        files = tuple(files)
        self._rules = {
            stage: tuple(
                CompiledRule.of(rule)
                for file in files
                for rule in file.rules
                if stage in rule.stages and applying[rule.principle].checks(stage, Layer.RULES)
            )
            for stage in Stage
        }
        self._allow = tuple(
            (allowance.id, re.compile("|".join(f"(?:{p})" for p in allowance.any)))
            for file in files
            for allowance in file.allow
        )
        self._bloat = next((file.bloat for file in files if file.bloat), None)
        data = next((file.personal_data for file in files if file.personal_data), None)
        self._data_principle = data.principle if data else ""
        self._detectors = _detectors(data, applying) if data else {}

    def check(self, stage: Stage, text: str) -> Found:
        """Check a text against the patterns, in every view it calls for.

        Args:
            stage: Which rules apply.
            text: What somebody wrote.

        Returns:
            One verdict for each rule that matched, or one `PASS`.
        """
        began = perf_counter()
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST // 2]}\n{text[-_LONGEST // 2 :]}"
        seen = views(text)
        readings = seen.all
        matched = [
            (rule.outcome, rule.principle, rule.id)
            for rule in self._rules[stage]
            if any(rule.matches(reading) for reading in readings)
        ]
        if stage is Stage.INPUT and self._is_bloated(text):
            matched.append((Outcome.UNSURE, self._bloat_principle, "context-bloat"))
        ms = (perf_counter() - began) * 1e3
        if not matched:
            allowed = self._allowance(seen.folded) if stage is Stage.INPUT else None
            passed = Verdict(Layer.RULES, RAIL, Outcome.PASS, rule=allowed, ms=ms)
            return Found((passed,), seen, allowed=allowed is not None)
        return Found(
            tuple(
                Verdict(
                    Layer.RULES,
                    RAIL,
                    outcome,
                    principle=principle,
                    score=1.0 if outcome is Outcome.BLOCK else None,
                    rule=rule,
                    ms=ms,
                )
                for outcome, principle, rule in matched
            ),
            seen,
        )

    def personal_data(
        self, stage: Stage, text: str, *, known: frozenset[str] = frozenset()
    ) -> tuple[str, tuple[Span, ...]]:
        """Find personal data that is masked at `stage`.

        Returns:
            The principle that asks for it, and the spans.
        """
        detectors = self._detectors.get(stage)
        return self._data_principle, detectors.find(text, known=known) if detectors else ()

    def _allowance(self, folded: str) -> str | None:
        text = folded.strip()
        return next((name for name, pattern in self._allow if pattern.fullmatch(text)), None)

    @property
    def _bloat_principle(self) -> str:
        return "" if self._bloat is None else self._bloat.principle

    def _is_bloated(self, text: str) -> bool:
        if self._bloat is None or len(text) < self._bloat.characters:
            return False
        raw = text.encode("utf-8", "replace")
        return len(raw) / len(zlib.compress(raw, 1)) > self._bloat.compression


def _detectors(data: PersonalData, principles: dict[str, Principle]) -> dict[Stage, Detectors]:
    boxes = frozenset(data.role_mailboxes)
    return {
        stage: Detectors(frozenset(kinds), boxes)
        for stage, kinds in ((Stage.INPUT, data.input), (Stage.OUTPUT, data.output))
        if kinds and principles[data.principle].checks(stage, Layer.RULES)
    }
