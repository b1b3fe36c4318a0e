"""What requests and answers look like. The stream's events are in `chains.events`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from chains.events import Citation, PrincipleRef, SourceItem
from chains.turn import Language

ExchangeId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
"""Id of an exchange, as `run.started` and the history give it."""
Cursor = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    """Base of request bodies: immutable, no unknown fields, no text in errors or reprs."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )


class _Answer(BaseModel):
    """Base of answers: immutable, and every field is always there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class Preferences(_Body):
    """How a person likes to be answered."""

    language: Language | None = None
    """Language of greetings and notices; answers follow the person's own."""
    thinking: bool = False
    """Whether answers come with the model's reasoning."""


class StartRequest(_Body):
    """Begins a session; everything is optional."""

    preferences: Preferences = Preferences()
    context: str | None = Field(default=None, repr=False)
    """What the page knows about the situation; treated as untrusted text."""


class StartAnswer(_Answer):
    """A new session."""

    session_id: str
    token: str = Field(repr=False)
    """Send it as `Authorization: Bearer …`."""
    expires_at: datetime
    """When the token must have been refreshed."""
    session_expires_at: datetime
    """When the session ends at the latest, with all that is kept of it."""
    message: str
    """The greeting."""
    suggestions: tuple[str, ...]
    """Questions to begin with."""
    notices: tuple[str, ...]
    """What the person should know, such as that no model was found."""


class TokenAnswer(_Answer):
    """A fresh token for the same session."""

    session_id: str
    token: str = Field(repr=False)
    expires_at: datetime
    session_expires_at: datetime


class ChatRequest(_Body):
    """One turn: a new `message`, or `regenerate` for another answer to an earlier one."""

    message: str | None = Field(default=None, repr=False)
    """The person's words; at most 8,000 characters unless configured otherwise."""
    session_id: str | None = Field(default=None, max_length=64)
    """Optional; must be the token's own session."""
    context: str | None = Field(default=None, repr=False)
    """What the page knows about the situation; treated as untrusted text."""
    thinking: bool | None = None
    """Whether to show the model's reasoning; the session's preference by default."""
    parent_id: ExchangeId | None = None
    """The exchange this one follows; the latest by default. An explicit `null` begins a new
    branch at the root; an earlier exchange begins a branch there (an edited message)."""
    regenerate: ExchangeId | None = None
    """The exchange to answer again, as a branch beside it; then `message` is left out."""


class Violation(_Answer):
    """Why a message or an answer was stopped."""

    code: Literal["constitutional_violation"] = "constitutional_violation"
    principle: PrincipleRef | None
    """None where a rail failed before it could name one."""
    stage: Literal["input", "retrieval", "output"]
    decision_id: str
    appealable: bool
    alternatives: tuple[str, ...] = ()
    failed: bool = False
    """A rail could not decide: a fault, not a verdict."""


class TokenUsage(_Answer):
    """What the answer cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """USD; null where the model has no known price."""


class Timings(_Answer):
    """Where the time went, in milliseconds."""

    ttft: float | None = None
    """To the first released words."""
    rails: float = 0.0
    """In rails, summed over checks (some run beside generation)."""
    total: float = 0.0


class AnswerMetadata(_Answer):
    """How an answer came about."""

    model: str
    policy_version: str
    degraded: Literal["secondary_model", "cached", "extractive"] | None = None
    """The rung of the fallback ladder that answered; null for the configured model."""
    usage: TokenUsage
    timings_ms: Timings
    demo: bool
    """No model was found: answers are quoted from the knowledge base."""
    notes: tuple[str, ...] = ()
    """Remarks of the rails, such as ``judge_missing``: rules and classifier decided alone."""


class ChatAnswer(_Answer):
    """The whole answer to one turn, for clients that do not stream."""

    run_id: str
    message_id: str
    parent_id: str | None
    text: str = Field(repr=False)
    """What to show; after a block the replacement text."""
    finish_reason: Literal["stop", "length", "blocked", "stopped"]
    violation: Violation | None = None
    citations: tuple[Citation, ...] = ()
    sources: tuple[SourceItem, ...] = Field(default=(), repr=False)
    follow_ups: tuple[str, ...] = Field(default=(), repr=False)
    metadata: AnswerMetadata


class HistoryItem(_Answer):
    """One exchange of a session. Text a principle stopped is not kept."""

    run_id: str | None
    message_id: str
    parent_id: str | None
    question: str = Field(repr=False)
    """Empty where a principle stopped it."""
    text: str = Field(repr=False)
    """The answer as far as it was shown; after a block the replacement text alone."""
    finish_reason: Literal["stop", "length", "blocked", "stopped", "error"]
    violation: Violation | None = None
    citations: tuple[Citation, ...] = ()
    sources: tuple[SourceItem, ...] = Field(default=(), repr=False)
    follow_ups: tuple[str, ...] = Field(default=(), repr=False)
    metadata: AnswerMetadata | None = None
    """Null where the run failed before it began."""
    at: datetime


class ActiveRun(_Answer):
    """A run that is still going; follow it at `/runs/{run_id}/events`."""

    run_id: str
    message_id: str
    parent_id: str | None
    question: str = Field(repr=False)


class HistoryPage(_Answer):
    """Exchanges of a session, oldest first, all branches."""

    session_id: str
    session_expires_at: datetime
    items: tuple[HistoryItem, ...]
    before: str | None
    """Cursor for the page of older exchanges; null where there are none."""
    active: tuple[ActiveRun, ...] = ()


class StopRequest(_Body):
    """Stops a run."""

    seen_chars: int | None = Field(default=None, ge=0)
    """Characters of the answer the person has seen; the saved text is cut there."""


class RunAnswer(_Answer):
    """How a run stands."""

    run_id: str
    status: Literal["running", "completed", "blocked", "stopped", "failed"]


class Neighbour(_Answer):
    """A passage next to the cited one."""

    id: str
    text: str = Field(repr=False)


class SourceView(_Answer):
    """The passage behind a citation."""

    id: str
    title: str
    """Of the document."""
    text: str = Field(repr=False)
    heading: str | None
    page: int | None
    url: str | None
    neighbours: tuple[Neighbour, ...]
    """Up to one passage before and one after, in document order."""


class FeedbackRequest(_Body):
    """What a person thinks of an answer."""

    message_id: ExchangeId
    rating: Literal["up", "down"]
    reason: (
        Literal["incorrect", "unhelpful", "harmful", "wrongly_blocked", "sources", "style", "other"]
        | None
    ) = None
    comment: str | None = Field(default=None, max_length=2000, repr=False)
    """Checked like a message before it is kept."""


class FeedbackAnswer(_Answer):
    """Feedback is kept; a second one on the same answer replaces the first."""

    message_id: str
    rating: Literal["up", "down"]
    at: datetime
    expires_at: datetime


class AppealRequest(_Body):
    """Asks a person to look at a block."""

    decision_id: str = Field(min_length=1, max_length=64)
    reason: str | None = Field(default=None, max_length=2000, repr=False)
    """Why the block is wrong, in the person's words."""
    text: str | None = Field(default=None, max_length=8000, repr=False)
    """The stopped text. It was not kept: a reviewer sees it only if the person sends it here.
    Personal data the rails recognise is masked, and it is erased with the appeal."""


class AppealAnswer(_Answer):
    """An appeal and what became of it."""

    id: str
    decision_id: str
    principle_id: str | None
    stage: Literal["input", "retrieval", "output"]
    status: Literal["open", "upheld", "overturned"]
    """`overturned`: the block was wrong."""
    answer: str | None = Field(repr=False)
    """The reviewer's words."""
    at: datetime
    answered_at: datetime | None
    expires_at: datetime
    """When the appeal is erased."""


class PublishedPrinciple(_Answer):
    """A principle as everybody may read it."""

    id: str
    title: str
    text: str
    summary: str
    languages: tuple[str, ...]
    """Languages that title and summary exist in."""


class Constitution(_Answer):
    """The principles in force."""

    policy_version: str
    language: Language
    principles: tuple[PublishedPrinciple, ...]


class Live(_Answer):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Dependency(_Answer):
    """Something the service needs."""

    name: str
    status: Literal["up", "degraded", "down"]
    detail: str | None = None
    """What is wrong or missing, and what still works."""


class Readiness(_Answer):
    """Whether the service can take requests."""

    status: Literal["ready", "degraded", "unavailable"]
    version: str
    policy_version: str | None
    dependencies: tuple[Dependency, ...]
