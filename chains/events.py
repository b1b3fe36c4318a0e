"""The stream's vocabulary: what one run tells its readers, in order.

`run.finished` is always last, on every way a run can end; a stream that ends without it was cut.
Offsets and lengths count characters (Unicode code points) of the answer's text.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override


class _Event(BaseModel):
    """Base of all events: immutable, no unknown fields, no text in its repr."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    __str__ = __repr__


class PrincipleRef(_Event):
    """A principle as a person reads it, in their language."""

    id: str
    title: str
    summary: str


class FieldError(_Event):
    """One invalid field of a request. The value is not repeated."""

    field: str
    reason: str


class Problem(_Event):
    """The problem object of RFC 9457, as HTTP errors and `error` events carry it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retry_after_s: float | None = None
    """Seconds until another try is welcome."""
    errors: tuple[FieldError, ...] | None = None


class RunStarted(_Event):
    """The run exists; its id resumes and stops it."""

    type: Literal["run.started"] = "run.started"
    run_id: str
    session_id: str
    message_id: str
    model: str
    policy_version: str
    demo: bool
    """No model was found: answers are quoted from the knowledge base."""


class Status(_Event):
    """What the run is doing."""

    type: Literal["status"] = "status"
    phase: Literal[
        "checking_input", "retrieving", "thinking", "answering", "checking_output", "degraded"
    ]
    reason: str | None = None
    """With `degraded`: the rung that answers (`secondary_model`, `cached`, `extractive`)."""


class SourceItem(_Event):
    """A passage the answer may rest on."""

    n: int
    """The number the answer cites, from 1."""
    id: str
    title: str
    url: str | None = None
    page: int | None = None
    snippet: str
    score: float


class Sources(_Event):
    """What was read before answering."""

    type: Literal["sources"] = "sources"
    items: tuple[SourceItem, ...]


class ReasoningDelta(_Event):
    """Checked reasoning text; only when the request asked for it."""

    type: Literal["reasoning.delta"] = "reasoning.delta"
    text: str


class MessageDelta(_Event):
    """The next checked window of the answer; it replaces what was shown from `offset` on."""

    type: Literal["message.delta"] = "message.delta"
    text: str
    offset: int


class Citation(_Event):
    """The words from `start` to `end` rest on source `n`."""

    type: Literal["citation"] = "citation"
    n: int
    source_id: str
    start: int
    end: int


class GuardModified(_Event):
    """Text was masked, annotated or revised before it was released."""

    type: Literal["guard.modified"] = "guard.modified"
    stage: Literal["input", "retrieval", "output"]
    start: int
    end: int
    kind: str
    principle_id: str


class Replacement(_Event):
    """What a person reads instead; from a versioned template, never from the model."""

    text: str
    lang: Literal["en", "zh"]


class GuardBlocked(_Event):
    """A principle stopped the message or the answer."""

    type: Literal["guard.blocked"] = "guard.blocked"
    stage: Literal["input", "retrieval", "output"]
    retract_from: int | None = None
    """Everything from this offset on is withdrawn; None: nothing was shown."""
    principle: PrincipleRef | None
    """None where a rail failed before it could name one."""
    decision_id: str
    appealable: bool
    replacement: Replacement
    alternatives: tuple[str, ...] = ()
    failed: bool = False
    """A rail could not decide: a fault, not a verdict."""


class MessageCompleted(_Event):
    """The whole text is in."""

    type: Literal["message.completed"] = "message.completed"
    finish_reason: Literal["stop", "length", "blocked", "stopped", "error"]
    length: int


class FollowUps(_Event):
    """Questions to try next."""

    type: Literal["follow_ups"] = "follow_ups"
    items: tuple[str, ...]


class UsageReport(_Event):
    """Tokens, money and time of the run."""

    type: Literal["usage"] = "usage"
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = None
    """USD; None where the model has no known price."""
    ttft_ms: float | None = None
    """Milliseconds from the request to the first released window."""
    rails_ms: float
    """Milliseconds spent in rails, summed over checks (some run beside generation)."""
    total_ms: float
    notes: tuple[str, ...] = ()
    """Machine-readable remarks of the rails, such as ``judge_missing``: the second layer has no
    model, so rules and classifier decided alone."""


class ErrorEvent(_Event):
    """A fault after the stream began: the problem object, flat."""

    type: Literal["error"] = "error"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retry_after_s: float | None = None


class Trace(_Event):
    """What one rail said; only for engineers who asked with `?trace=1`."""

    type: Literal["trace"] = "trace"
    decision_id: str
    stage: Literal["input", "retrieval", "output"]
    rail: str
    layer: str
    outcome: str
    principle_id: str | None = None
    score: float | None = None
    rule: str | None = None
    ms: float
    tokens: int = 0


class RunFinished(_Event):
    """The end: always the last event."""

    type: Literal["run.finished"] = "run.finished"
    status: Literal["completed", "blocked", "stopped", "failed"]


ChatEvent = Annotated[
    RunStarted
    | Status
    | Sources
    | ReasoningDelta
    | MessageDelta
    | Citation
    | GuardModified
    | GuardBlocked
    | MessageCompleted
    | FollowUps
    | UsageReport
    | ErrorEvent
    | Trace
    | RunFinished,
    Field(discriminator="type"),
]
"""One event of the stream, told apart by `type`."""


@dataclass(frozen=True, slots=True)
class QuestionMasked:
    """The question that is really asked, because personal data in the person's own was hidden.

    Told to the caller alone, right after the edits, so that it remembers this question and not the
    other one. It is no event of the stream: nobody reads it, and no log holds it.
    """

    text: str = field(repr=False)


Told = ChatEvent | QuestionMasked
"""What the path of a message tells its caller."""
