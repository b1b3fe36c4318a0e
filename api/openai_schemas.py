"""What OpenAI's clients send and read, as far as it is understood here."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chains.events import Problem
from guardrails.dialogue import Message, Role

_MOST_MESSAGES = 200
_ROLES: Mapping[str, Role] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
}


class _Part(BaseModel):
    """OpenAI's objects: what we do not know in them is refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )


class OpenAIError(_Part):
    """An error as OpenAI's clients read it."""

    message: str
    type: Literal["server_error", "invalid_request_error"]
    code: str
    param: str | None = None


class OpenAIProblem(Problem):
    """A problem that OpenAI's clients can read as well."""

    error: OpenAIError


class TextPart(_Part):
    """A piece of a message's content. Only text is understood."""

    type: Literal["text"]
    text: str = Field(repr=False)


class CompletionMessage(_Part):
    """One message of the client's conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[TextPart, ...] | None = Field(default=None, repr=False)
    name: str | None = Field(default=None, repr=False)
    """Accepted, without effect."""
    tool_call_id: str | None = Field(default=None, repr=False)
    """Accepted, without effect."""
    refusal: str | None = Field(default=None, repr=False)
    """Accepted, without effect."""

    def message(self) -> Message:
        """As the rails read it."""
        content = self.content or ""
        text = content if isinstance(content, str) else "\n".join(part.text for part in content)
        return Message(_ROLES[self.role], text)


class StreamOptions(_Part):
    """How to stream."""

    include_usage: bool = False
    """Whether a last chunk tells the tokens."""
    include_obfuscation: bool = False
    """Accepted, without effect."""


class ResponseFormat(_Part):
    """Only plain text is answered."""

    type: Literal["text"]


class CompletionRequest(_Part):
    """A request as OpenAI's clients send it.

    There is no option that switches a rail off: unknown ones are refused.
    """

    model: str = Field(max_length=200)
    """`covenant`, or the name `/v1/models` gives."""
    messages: tuple[CompletionMessage, ...] = Field(min_length=1, max_length=_MOST_MESSAGES)
    """The last one is the person's; all of them are checked."""
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    """One answer."""
    response_format: ResponseFormat | None = None
    tools: tuple[()] | None = None
    """Tools are not called."""
    logprobs: Literal[False] | None = None
    frequency_penalty: float | None = None
    """Accepted, without effect; so are the following."""
    presence_penalty: float | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: str | tuple[str, ...] | None = Field(default=None, repr=False)
    user: str | None = Field(default=None, repr=False)
    metadata: dict[str, str] | None = Field(default=None, repr=False)
    store: bool | None = None
    reasoning_effort: str | None = None
    parallel_tool_calls: bool | None = None


class GuardrailsNote(_Part):
    """Which principle stopped a message or an answer."""

    principle_id: str | None
    decision_id: str
    appeal_url: str | None
    """Where a session may ask for a person to look at it."""


class CompletionAnswerMessage(_Part):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str = Field(repr=False)
    refusal: None = None


class CompletionChoice(_Part):
    """The one choice."""

    index: Literal[0] = 0
    message: CompletionAnswerMessage
    finish_reason: Literal["stop", "length", "content_filter"]
    logprobs: None = None


class CompletionUsage(_Part):
    """Tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(_Part):
    """An answer as OpenAI's clients read it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[CompletionChoice]
    usage: CompletionUsage
    guardrails: GuardrailsNote | None = None
    """Only where a principle stopped something."""


class ModelEntry(_Part):
    """A model a client may name."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: Literal["covenant"] = "covenant"


class ModelList(_Part):
    """The models a client may name."""

    object: Literal["list"] = "list"
    data: tuple[ModelEntry, ...]
