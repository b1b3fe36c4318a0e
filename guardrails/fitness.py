"""Finding out whether a model can judge before people depend on it.

A model that was put there to answer need not be able to judge: a small one on a laptop's CPU takes
longer than a message may wait, or writes prose. Better to know that the second layer is missing,
and to say so, than to stop every message it should have judged.
"""

from dataclasses import dataclass

from guardrails.judge import Judge, JudgeEndpoint, JudgeError, JudgeKind, Question
from guardrails.policy import Policy
from guardrails.principles import Example, Principle
from guardrails.verdict import Layer, Stage


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a trial found."""

    fit: bool
    """Whether it gives verdicts, in time. Whether they are good ones is for `evals` to say."""
    remark: str = ""
    """Why not, or what is odd about its verdicts, in a few words for people."""


async def try_judge(endpoint: JudgeEndpoint, policy: Policy) -> Fitness:
    """Have a model judge one example that violates and one that does not.

    The first question is asked twice: a server reads the long prompt once and remembers it, and
    only what comes after that tells how long people would wait.

    Args:
        endpoint: The model.
        policy: Whose principles, prompts and deadline are used.
    """
    principles = tuple(p for p in policy.principles if p.checks(Stage.INPUT, Layer.JUDGE))
    tried = _most_severe(principles, endpoint)
    if tried is None:
        return Fitness(fit=False, remark="no principle has an example it could judge")
    judge = Judge(endpoint, policy)
    try:
        bad, good = (
            Question("constitution_judge_input", principles, user_input=example.input)
            for example in (_message(tried.examples.violates), _message(tried.examples.allowed))
        )
        await _warm_up(judge, bad)
        if not (await judge.ask(bad)).violations:
            return Fitness(fit=True, remark="it finds nothing wrong with what is forbidden")
        sure = policy.strictness.levels.balanced.violation_from
        if any(v.confidence >= sure for v in (await judge.ask(good)).violations):
            return Fitness(fit=True, remark="it objects to what is allowed")
    except JudgeError as error:
        return Fitness(fit=False, remark=_REASONS[error.fault])
    finally:
        await judge.aclose()
    return Fitness(fit=True)


_REASONS = {
    "timeout": "it answers too slowly",
    "unreachable": "it cannot be reached",
    "status": "its server refuses",
    "unreadable": "its answers are no verdicts",
    "prompt": "its prompt cannot be filled",
}


async def _warm_up(judge: Judge, question: Question) -> None:
    try:
        await judge.ask(question)
    except JudgeError:
        return  # the second try counts


def _most_severe(principles: tuple[Principle, ...], endpoint: JudgeEndpoint) -> Principle | None:
    """The first principle with messages as examples that this kind of judge knows."""
    knows_all = endpoint.speaks is JudgeKind.CONSTITUTION
    for principle in principles:
        known = knows_all or bool(principle.maps_to.qwen3guard)
        kinds = (principle.examples.violates, principle.examples.allowed)
        if known and all(any(e.output is None for e in kind) for kind in kinds):
            return principle
    return None


def _message(examples: tuple[Example, ...]) -> Example:
    return next(example for example in examples if example.output is None)
