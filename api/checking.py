"""Judging cases from files by the rails alone, as `covenant check` does."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, Literal, Self

import orjson

from guardrails.dialogue import Message, Role
from guardrails.policy import Policy
from guardrails.rails import Rails
from guardrails.verdict import Decision, Layer, Outcome, Stage, Strictness, Verdict
from guardrails.windows import Windows

Answer = Literal["pass", "block", "modify", "unsure", "error"]

_RANK: Final = ("pass", "modify", "unsure", "block", "error")
_PIECE: Final = 16
"""Characters fed at a time when an answer is cut into the windows it would stream in."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: a conversation that ends with a message, or with an answer."""

    id: object
    conversation: tuple[Message, ...] = field(default=(), repr=False)
    response: str | None = field(default=None, repr=False)
    """The answer to judge; None judges the conversation's end."""
    malformed: str | None = None
    """Why the line cannot be judged."""

    @classmethod
    def of_text(cls, id: object, text: str) -> Self:  # noqa: A002 - the field's name
        """One message."""
        return cls(id, (Message(Role.USER, text),))


@dataclass(frozen=True, slots=True)
class Result:
    """What the rails said of a case."""

    id: object
    verdict: Answer
    stage: Stage | None = None
    principle: str | None = None
    layer: Layer | None = None
    score: float | None = None
    ms: float = 0.0
    decisions: tuple[Decision, ...] = ()
    malformed: str | None = None

    @property
    def line(self) -> dict[str, Any]:
        """The line that answers a line."""
        line: dict[str, Any] = {
            "id": self.id,
            "verdict": self.verdict,
            "stage": self.stage,
            "principle": self.principle,
            "layer": self.layer,
            "score": self.score,
            "ms": round(self.ms, 3),
        }
        return line | ({"error": self.malformed} if self.malformed else {})

    @property
    def full(self) -> dict[str, Any]:
        """The line with every layer's verdict."""
        return self.line | {
            "policy_version": self.decisions[0].policy_version if self.decisions else None,
            "notes": sorted({note for decision in self.decisions for note in decision.notes}),
            "trace": [_traced(v) for decision in self.decisions for v in decision.verdicts],
        }


def parsed(line: bytes, number: int) -> Case:
    """Read one line.

    Args:
        line: A JSON object.
        number: Its line number: the id where it names none, and what an error names.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Case(number, malformed=f"line {number} is no JSON")
    if not isinstance(record, dict):
        return Case(number, malformed=f"line {number} is no object")
    identifier = record.get("id", number)
    try:
        return _case(identifier, record)
    except (KeyError, TypeError, ValueError):
        wanted = 'needs "text", or "messages", or "prompt" and "response"'
        return Case(identifier, malformed=f"line {number} {wanted}, all of them texts")


def primed(rails: Rails, cases: Sequence[Case]) -> None:
    """Let the classifier read the messages of all cases at once."""
    texts = [
        case.conversation[-1].text
        for case in cases
        if case.response is None and len(case.conversation) == 1
    ]
    # What cannot be read here fails closed where it is checked.
    try:
        rails.prime(Stage.INPUT, texts)
    except Exception:  # noqa: BLE001 - see above
        return


async def checked(
    rails: Rails, case: Case, layers: Collection[Layer] | None, strictness: Strictness
) -> Result:
    """Judge a case.

    Args:
        rails: What judges.
        case: What is judged.
        layers: Limits the check.
        strictness: How strictly.
    """
    if case.malformed is not None:
        return Result(case.id, "error", malformed=case.malformed)
    began = perf_counter()
    if layers is None and not rails.has_judge:
        # Without a judge the service lets the unsure pass with a note. Here it is told.
        layers = (Layer.RULES, Layer.CLASSIFIER)
    decisions = await _decisions(rails, case, layers, strictness)
    ms = (perf_counter() - began) * 1e3
    worst = max(decisions, key=lambda decision: _RANK.index(_answer(decision, layers)))
    verdict = _answer(worst, layers)
    telling = _telling(worst, verdict)
    return Result(
        id=case.id,
        verdict=verdict,
        stage=worst.stage,
        principle=worst.principle or (telling.principle if telling else None),
        layer=worst.layer or (telling.layer if telling else None),
        score=worst.score if worst.score is not None else (telling.score if telling else None),
        ms=ms,
        decisions=decisions,
    )


def shown(policy: Policy, result: Result) -> str:
    """A result for people: the verdict, why, and what each layer said."""
    head = result.verdict.upper()
    if result.principle:
        title = policy.principle_text(result.principle, "en").title
        head += f"  {result.principle} ({title})"
    if result.layer:
        head += f"  by {result.layer.value}"
    lines = [head, ""]
    for decision in result.decisions:
        for one in decision.verdicts:
            score = "" if one.score is None else f"{one.score:.3f}"
            what = " ".join(part for part in (one.principle, one.rule) if part)
            row = f"  {decision.stage:<9} {one.layer:<10} {one.outcome:<6} {score:>6}"
            lines.append(f"{row} {one.ms:>7.2f} ms  {what}".rstrip())
    notes = sorted({note for decision in result.decisions for note in decision.notes})
    if notes:
        lines += ["", f"  notes: {', '.join(notes)}"]
    return "\n".join(lines)


def _case(identifier: object, record: dict[str, Any]) -> Case:
    if "messages" in record:
        messages = tuple(Message(Role(m["role"]), _text(m["content"])) for m in record["messages"])
        if not messages:
            raise ValueError("no messages")
        if messages[-1].role is Role.ASSISTANT:
            return Case(identifier, messages[:-1], messages[-1].text)
        return Case(identifier, messages)
    if "response" in record:
        asked = Message(Role.USER, _text(record["prompt"]))
        return Case(identifier, (asked,), _text(record["response"]))
    return Case.of_text(identifier, _text(record["text"] if "text" in record else record["prompt"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


async def _decisions(
    rails: Rails, case: Case, layers: Collection[Layer] | None, strictness: Strictness
) -> tuple[Decision, ...]:
    if case.response is None:
        decision = await rails.check_input(case.conversation, strictness=strictness, layers=layers)
        return (decision,)
    answer = rails.answer(case.conversation, strictness=strictness, layers=layers)
    decisions: list[Decision] = []
    for window in _windows(case.response, rails.policy.window_stride):
        decisions.append(await answer.check(window))
        if decisions[-1].blocked:
            return tuple(decisions)
    return (*decisions, await answer.end())


def _windows(text: str, stride: int) -> list[str]:
    """The windows an answer would stream in."""
    cutting = Windows(stride)
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return [window for piece in pieces if (window := cutting.feed(piece))] + (
        [rest] if (rest := cutting.flush()) else []
    )


def _answer(decision: Decision, layers: Collection[Layer] | None) -> Answer:
    if decision.failed:
        return "error"
    if decision.outcome is Outcome.MODIFY:
        # Text that was only held back until its sentence was complete was not changed.
        return "modify" if decision.edits or decision.whole else "pass"
    if decision.outcome is Outcome.UNSURE:
        doubted = any(v.outcome is Outcome.UNSURE for v in decision.verdicts)
        classifies = layers is None or Layer.CLASSIFIER in layers
        return "unsure" if doubted or classifies else "pass"
    return "block" if decision.outcome is Outcome.BLOCK else "pass"


def _telling(decision: Decision, verdict: Answer) -> Verdict | None:
    """The verdict that explains a decision which names no principle."""
    wanted = {"unsure": Outcome.UNSURE, "error": Outcome.ERROR}.get(verdict)
    if wanted is not None:
        return next((v for v in decision.verdicts if v.outcome is wanted), None)
    scored = [v for v in decision.verdicts if v.layer is Layer.CLASSIFIER]
    return scored[-1] if scored and verdict == "pass" else None


def _traced(verdict: Verdict) -> dict[str, Any]:
    return {
        "layer": verdict.layer,
        "rail": verdict.rail,
        "outcome": verdict.outcome,
        "principle": verdict.principle,
        "score": verdict.score,
        "rule": verdict.rule,
        "ms": round(verdict.ms, 3),
        "tokens": verdict.tokens,
    }
