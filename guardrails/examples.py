"""Running a constitution's examples: each principle's own tests."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from guardrails.answer import AnswerRails
from guardrails.dialogue import Message, Role
from guardrails.metamorphic import transformed
from guardrails.policy import Policy
from guardrails.principles import Example, Principle
from guardrails.verdict import Decision, Layer, Outcome, Stage, Strictness

Kind = Literal["violates", "allowed", "metamorphic"]

LOCAL: Final = (Layer.RULES, Layer.CLASSIFIER)
_RANK: Final = (Outcome.PASS, Outcome.MODIFY, Outcome.UNSURE, Outcome.BLOCK)


class RunsChecks(Protocol):
    """What examples run against; `guardrails.rails.Rails`."""

    @property
    def policy(self) -> Policy:
        """Whose examples are run."""

    @property
    def has_classifier(self) -> bool:
        """Whether layer L1 is there."""

    async def check_input(
        self,
        conversation: tuple[Message, ...],
        *,
        strictness: Strictness | None = None,
        layers: Collection[Layer] | None = None,
    ) -> Decision:
        """Judge a message."""

    def answer(
        self,
        conversation: tuple[Message, ...],
        *,
        strictness: Strictness | None = None,
        passages: Sequence[object] = (),
        layers: Collection[Layer] | None = None,
    ) -> AnswerRails:
        """Begin the checks of an answer."""


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one example."""

    principle: str
    kind: Kind
    index: int
    """Its place under the principle, from 0."""
    text: str = field(repr=False)
    """The judged text: the answer where there is one."""
    outcome: Outcome
    named: str | None
    """The principle the decision named."""
    layer: Layer | None
    score: float | None
    holds: bool | None
    """Whether it came out as it must; None where no layer that was there could tell."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Identifies the example across versions of a policy."""
        return (self.principle, self.kind, self.text)


async def run_examples(
    rails: RunsChecks,
    *,
    judge: bool = False,
    principles: Collection[str] | None = None,
    metamorphic: bool = False,
) -> list[ExampleResult]:
    """Run examples in `balanced`.

    Without a judge, a violating example holds when it is blocked, changed or left to the judge, and
    an allowed one when it is not blocked. With one, both must come out exactly.

    Args:
        rails: What they run against.
        judge: Whether the judge is asked.
        principles: Ids of the principles whose examples run; all by default.
        metamorphic: Whether changed forms of the violating examples run too.
    """
    results: list[ExampleResult] = []
    for principle in rails.policy.principles:
        if principles is not None and principle.id not in principles:
            continue
        cases: list[tuple[Kind, int, Example]] = []
        cases.extend(("violates", i, e) for i, e in enumerate(principle.examples.violates))
        cases.extend(("allowed", i, e) for i, e in enumerate(principle.examples.allowed))
        if metamorphic:
            cases.extend(
                ("metamorphic", i, e) for i, e in enumerate(transformed(principle.examples))
            )
        for kind, index, example in cases:
            decision = await _decide(rails, example, judge=judge)
            results.append(
                ExampleResult(
                    principle=principle.id,
                    kind=kind,
                    index=index,
                    text=example.output or example.input,
                    outcome=decision.outcome,
                    named=decision.principle,
                    layer=decision.layer,
                    score=decision.score,
                    holds=_holds(rails, principle, kind, example, decision, judge=judge),
                )
            )
    return results


def failures(results: Sequence[ExampleResult]) -> list[ExampleResult]:
    """The examples that came out wrong."""
    return [result for result in results if result.holds is False]


async def _decide(rails: RunsChecks, example: Example, *, judge: bool) -> Decision:
    layers = None if judge else LOCAL
    conversation = (Message(Role.USER, example.input),)
    level = Strictness.BALANCED
    if example.output is None:
        return await rails.check_input(conversation, strictness=level, layers=layers)
    answer = rails.answer(conversation, strictness=level, layers=layers)
    decisions = [await answer.check(example.output), await answer.end()]
    return max(decisions, key=_severity)


def _severity(decision: Decision) -> tuple[int, bool]:
    # Held back is not changed: a `MODIFY` without a principle says nothing.
    changed = decision.outcome is not Outcome.MODIFY or decision.principle is not None
    return (_RANK.index(decision.outcome) if changed else 0, decision.principle is not None)


def _holds(
    rails: RunsChecks,
    principle: Principle,
    kind: Kind,
    example: Example,
    decision: Decision,
    *,
    judge: bool,
) -> bool | None:
    if decision.failed:
        return False
    blocked = decision.outcome is Outcome.BLOCK
    if kind == "allowed":
        return decision.principle is None and not blocked if judge else not blocked
    found = blocked or (decision.outcome is Outcome.MODIFY and decision.principle is not None)
    if judge or found:
        return found
    if decision.outcome is Outcome.UNSURE:
        return True
    # What only a judge can see proves nothing without one, and the judge of the whole exchange sees
    # every answer that the local layers let pass.
    seen = rails.has_classifier and principle.checks(Stage.INPUT, Layer.CLASSIFIER)
    return False if seen and example.output is None else None
