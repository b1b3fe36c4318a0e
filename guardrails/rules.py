"""Layer L0: deterministic rules from `rules/*.yml`, compiled once.

A rule is a handful of patterns that mean a principle is violated (`block`) or may be (`flag`: the
judge is asked). Patterns read every view of a text (`guardrails.normalise`), in lower case.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from guardrails.normalise import Views, views
from guardrails.pii import Detectors, Kind, Span
from guardrails.principles import Principle, PrincipleId, Sentence
from guardrails.source import Document, Problem
from guardrails.verdict import Layer, Outcome, Stage, Verdict

RAIL = "rules"
_OPEN_ENDED = re.compile(r"[*+]|\{\d+,\}|\.\{")
_UNBOUNDED = re.compile(r"[*+]|\{\d+,\}")
_LONGEST = 20_000
"""Characters of one view that patterns read; of a longer text its start and its end."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RuleTests(_Entry):
    """What a rule must and must not match; loading runs them."""

    matches: tuple[Sentence, ...] = Field(min_length=1, repr=False)
    passes: tuple[Sentence, ...] = Field(default=(), repr=False)


class Rule(_Entry):
    """Patterns that mean something for a principle."""

    id: PrincipleId
    principle: PrincipleId
    stages: tuple[Stage, ...] = Field(min_length=1)
    then: Literal["block", "flag"]
    """`block`: a violation. `flag`: unsure, the judge decides."""
    hints: tuple[Sentence, ...] = ()
    """Lower-case pieces of which a text must hold one, or the patterns are not tried at all."""
    any: tuple[Sentence, ...] = ()
    """Patterns of which one must match."""
    all: tuple[Sentence, ...] = ()
    """Patterns that must match together."""
    unless: tuple[Sentence, ...] = ()
    """Patterns that make the rule not apply."""
    tests: RuleTests

    @model_validator(mode="after")
    def _has_patterns(self) -> "Rule":
        if not (self.any or self.all):
            raise ValueError("needs patterns in any or all")
        if any(hint != hint.lower() for hint in self.hints):
            raise ValueError("hints are compared with lower-case text: write them so")
        return self


class Allowance(_Entry):
    """Messages that are known to be fine although they look alike: an allow list.

    A pattern must match the whole message, so that nothing can be added to it, and deny rules and
    what an encoding hides are still checked.
    """

    id: PrincipleId
    any: tuple[Sentence, ...] = Field(min_length=1)
    tests: RuleTests


class PersonalData(_Entry):
    """What is masked, where."""

    principle: PrincipleId
    input: tuple[Kind, ...] = ()
    output: tuple[Kind, ...] = ()
    role_mailboxes: tuple[Sentence, ...] = ()


class Bloat(_Entry):
    """When a text is so long and repetitive that it may be there to push rules out of mind."""

    principle: PrincipleId
    characters: int = Field(ge=100)
    """Shorter texts are never bloat."""
    compression: float = Field(gt=1.0)
    """How many times smaller it compresses (DEFLATE); prose stays below 4."""


class RuleFile(_Entry):
    """One file of `rules/`."""

    version: Literal[1]
    rules: tuple[Rule, ...] = ()
    allow: tuple[Allowance, ...] = ()
    personal_data: PersonalData | None = None
    bloat: Bloat | None = None


@dataclass(frozen=True, slots=True)
class _Compiled:
    id: str
    principle: str
    outcome: Outcome
    hints: tuple[str, ...]
    any: tuple[re.Pattern[str], ...]
    all: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, rule: Rule) -> "_Compiled":
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
                _Compiled.of(rule)
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


def problems_of(
    documents: Sequence[Document], files: Sequence[RuleFile], principles: Sequence[Principle]
) -> list[Problem]:
    """Everything that is wrong with the rules: names, patterns, their own tests."""
    problems: list[Problem] = []
    known = {principle.id: principle for principle in principles}
    first: dict[str, str] = {}
    for document, file in zip(documents, files, strict=True):
        for section in ("personal_data", "bloat"):
            entry: PersonalData | Bloat | None = getattr(file, section)
            if entry is None:
                continue
            if section in first:
                problems.append(
                    document.problem(
                        (section,),
                        f"'{section}' stands in two files, also in {first[section]}",
                        "keep one of them",
                    )
                )
            first.setdefault(section, document.file)
            if entry.principle not in known:
                problems.append(_unknown(document, (section, "principle"), entry.principle))
        for index, rule in enumerate(file.rules):
            problems.extend(_problems_of_rule(document, index, rule, known, first))
            first.setdefault(rule.id, document.file)
        for index, allowance in enumerate(file.allow):
            problems.extend(_problems_of_allowance(document, index, allowance, first))
            first.setdefault(allowance.id, document.file)
    return problems


def _problems_of_allowance(
    document: Document, index: int, allowance: Allowance, first: dict[str, str]
) -> list[Problem]:
    place = ("allow", index)
    problems = _twice(document, place, allowance.id, first)
    for number, pattern in enumerate(allowance.any):
        at = (*place, "any", number)
        broken = list(_problems_of_pattern(document, at, pattern))
        problems.extend(broken)
        if not broken and _OPEN_ENDED.search(_bare(pattern)):
            problems.append(
                document.problem(
                    at, "leaves room for anything", "bound it, such as [a-z ]{0,40} for .*"
                )
            )
    if problems:
        return problems
    joined = re.compile("|".join(f"(?:{p})" for p in allowance.any))

    def matched(text: str) -> bool:
        return joined.fullmatch(views(text).folded.strip()) is not None

    return _failing_tests(document, place, allowance.id, allowance.tests, matched)


def _twice(
    document: Document, place: tuple[str | int, ...], name: str, first: dict[str, str]
) -> list[Problem]:
    if name not in first:
        return []
    what = f"a second rule '{name}', also in {first[name]}"
    return [document.problem((*place, "id"), what, "rename one of them")]


def _problems_of_rule(
    document: Document,
    index: int,
    rule: Rule,
    known: dict[str, Principle],
    first: dict[str, str],
) -> list[Problem]:
    place = ("rules", index)
    problems = _twice(document, place, rule.id, first)
    principle = known.get(rule.principle)
    if principle is None:
        return [*problems, _unknown(document, (*place, "principle"), rule.principle)]
    idle = [stage for stage in rule.stages if not principle.checks(stage, Layer.RULES)]
    if idle:
        problems.append(
            document.problem(
                (*place, "stages"),
                f"'{rule.id}' would never run at {', '.join(idle)}",
                f"'{principle.id}' needs that stage in applies_to and rules in layers",
            )
        )
    broken = [
        problem
        for section in ("any", "all", "unless")
        for number, pattern in enumerate(getattr(rule, section))
        for problem in _problems_of_pattern(document, (*place, section, number), pattern)
    ]
    if broken:
        return [*problems, *broken]
    compiled = _Compiled.of(rule)

    def matched(text: str) -> bool:
        return any(compiled.matches(reading) for reading in views(text).all)

    return [*problems, *_failing_tests(document, place, rule.id, rule.tests, matched)]


def _problems_of_pattern(
    document: Document, place: tuple[str | int, ...], pattern: str
) -> Iterable[Problem]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        yield document.problem(place, f"no regular expression: {error.msg}", "correct it")
        return
    if compiled.search(""):
        yield document.problem(place, "matches every text", "make it say something")
    if is_explosive(pattern):
        yield document.problem(
            place,
            "a repetition inside a repetition, which some texts make endless",
            "bound one of them, such as {0,40}",
        )
    if re.search(r"[A-Z]", re.sub(r"\\.|\(\?P<\w+>", "", pattern)):
        yield document.problem(
            place, "upper-case letters never match", "texts are compared in lower case"
        )


def is_explosive(pattern: str) -> bool:
    """Whether a pattern nests unbounded repetitions, the usual cause of endless matching."""
    bare = _bare(pattern)
    open_groups = [False]
    """For each group around the position: whether it holds an unbounded repetition."""
    for position, character in enumerate(bare):
        repeated = _UNBOUNDED.match(bare, position + 1) is not None
        if character == "(":
            open_groups.append(False)
        elif character == ")" and len(open_groups) > 1:
            held = open_groups.pop()
            if held and repeated:
                return True
            open_groups[-1] |= held or repeated
        elif repeated:
            open_groups[-1] = True
    return False


def _bare(pattern: str) -> str:
    """A pattern's operators alone: escapes and classes are letters."""
    return re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern)


def _failing_tests(
    document: Document,
    place: tuple[str | int, ...],
    name: str,
    tests: RuleTests,
    matched: Callable[[str], bool],
) -> list[Problem]:
    problems = [
        document.problem(
            (*place, "tests", "matches", number),
            f"'{name}' does not match this test",
            "correct the patterns or the hints",
        )
        for number, text in enumerate(tests.matches)
        if not matched(text)
    ]
    problems.extend(
        document.problem(
            (*place, "tests", "passes", number),
            f"'{name}' matches this test",
            "narrow the patterns",
        )
        for number, text in enumerate(tests.passes)
        if matched(text)
    )
    return problems


def _unknown(document: Document, place: tuple[str | int, ...], principle: str) -> Problem:
    return document.problem(
        place, f"there is no principle '{principle}'", "use an id of constitution.yml"
    )
