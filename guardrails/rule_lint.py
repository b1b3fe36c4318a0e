"""What is wrong with rules: names, patterns that cannot match or never end, failing tests."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from guardrails.normalise import views
from guardrails.principles import Principle
from guardrails.rule_file import Allowance, Bloat, PersonalData, Rule, RuleFile, RuleTests
from guardrails.rules import CompiledRule
from guardrails.source import Document, Problem
from guardrails.verdict import Layer

_OPEN_ENDED: Final = re.compile(r"[*+]|\{\d+,\}|\.\{")
_UNBOUNDED: Final = re.compile(r"[*+]|\{\d+,\}")


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
    compiled = CompiledRule.of(rule)

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
