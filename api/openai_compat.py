"""The same guarded bot for any OpenAI client: requests in, runs out, nothing kept.

The client keeps the conversation, so every message it sends is checked, not only the last. Text is
released window by checked window, as everywhere. Sampling options are accepted and have no effect;
what would change what is answered, or switch a rail off, is refused.
"""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from api import frames
from api.problems import openai_error
from api.schemas import Violation
from api.transcript import Transcript
from api.turns import bounded
from chains.conversation import Conversation, StoredRun
from chains.errors import BadRequestError, NotFoundError
from chains.events import ChatEvent, ErrorEvent, GuardBlocked, MessageDelta, RunFinished
from chains.streams import closing
from chains.turn import Turn
from guardrails.dialogue import Message, Role

MODEL = "covenant"
"""The name every client may ask for."""
_MOST_MESSAGES = 200
_APPEALS = "/api/v1/appeals"
_ROLES: Mapping[str, Role] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
}
_FINISH: Mapping[str, str] = {"stop": "stop", "length": "length", "blocked": "content_filter"}


class _Part(BaseModel):
    """OpenAI's objects: what we do not know in them is refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )


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


@dataclass(frozen=True, slots=True)
class CompletionAsk:
    """A checked request whose client keeps the conversation itself."""

    request: CompletionRequest
    session_id: str
    stateless: bool = True

    def stored(self, worker: str) -> StoredRun:
        """How its run enters the session: without a word of it."""
        return StoredRun(
            run_id=f"r_{secrets.token_urlsafe(12)}",
            message_id=f"m_{secrets.token_urlsafe(12)}",
            status="running",
            worker=worker,
        )

    def fingerprint(self) -> str:
        """Tells this request from another."""
        return hashlib.sha256(self.request.model_dump_json().encode()).hexdigest()[:32]

    def turn(self, stored: StoredRun, conversation: Conversation) -> tuple[Turn, StoredRun]:
        """The last message as question, all before it as what the client says was said."""
        *earlier, question = (message.message() for message in self.request.messages)
        return Turn(
            run_id=stored.run_id,
            session_id=self.session_id,
            message_id=stored.message_id,
            question=question.text,
            language=conversation.session.language or "en",
            preamble=tuple(earlier),
        ), stored


def completion_ask(
    request: CompletionRequest, session_id: str, *, names: tuple[str, ...], most_chars: int
) -> CompletionAsk:
    """Check what the schema cannot.

    Args:
        request: What the client sent.
        session_id: Whose run it will be.
        names: Models a client may name.
        most_chars: Longest message, in characters.

    Raises:
        BadRequestError: The last message is not a person's, or is empty or too long.
        NotFoundError: There is no such model.
    """
    if request.model not in names:
        raise NotFoundError("There is no such model; see /v1/models.")
    last = request.messages[-1]
    if last.role != "user":
        raise BadRequestError(
            "The last message must be the user's.",
            fields=(("messages", "must end with a message of the role user"),),
        )
    text = last.message().text
    bounded("messages", text, most_chars)
    if not text.strip():
        raise BadRequestError("The message is empty.", fields=(("messages", "ends empty"),))
    return CompletionAsk(request, session_id)


def completion(transcript: Transcript, model: str, *, appealable: bool) -> Completion:
    """The whole answer as one document."""
    answer = transcript.answer()
    usage = answer.metadata.usage
    finish = _FINISH.get(answer.finish_reason, "stop")
    return Completion(
        id=f"chatcmpl-{answer.run_id}",
        created=int(time.time()),
        model=model,
        choices=(
            CompletionChoice.model_validate(
                {"message": CompletionAnswerMessage(content=answer.text), "finish_reason": finish}
            ),
        ),
        usage=_usage(usage.prompt_tokens, usage.completion_tokens),
        guardrails=_note(answer.violation, appealable=appealable),
    )


async def chunks(
    content: AsyncIterator[bytes], ask: CompletionAsk, run_id: str, *, appealable: bool
) -> AsyncIterator[bytes]:
    """A run's frames as OpenAI's chunks; these streams cannot be resumed, so they have no ids.

    Args:
        content: The run's frames.
        ask: What was asked.
        run_id: Names the completion.
        appealable: Whether the client has a session to appeal from.
    """
    writer = _Chunks(ask, run_id, appealable=appealable)
    async with closing(content) as batches:
        async for batch in batches:
            written = b"".join(
                line for event in frames.decode_all(batch) for line in writer.lines(event)
            )
            if written:
                yield written


class _Chunks:
    """Writes one stream's chunks."""

    def __init__(self, ask: CompletionAsk, run_id: str, *, appealable: bool) -> None:
        self._ask = ask
        self._head = {
            "id": f"chatcmpl-{run_id}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": ask.request.model,
        }
        self._appealable = appealable
        self._told = Transcript()
        self._spoke = False

    def lines(self, event: ChatEvent) -> list[bytes]:
        """What an event adds to the stream."""
        first = self._told.started is None
        self._told.add(event)
        if first and self._told.started is not None:
            return [self._chunk({"role": "assistant", "content": ""})]
        if isinstance(event, MessageDelta):
            self._spoke = self._spoke or bool(event.text)
            return [self._chunk({"content": event.text})]
        if isinstance(event, GuardBlocked):
            # What was said cannot be taken back in this protocol; the reason says how to read it.
            gap = "\n\n" if self._spoke else ""
            return [self._chunk({"content": gap + event.replacement.text})]
        if isinstance(event, ErrorEvent):
            return [_line({"error": openai_error(event)})]
        if isinstance(event, RunFinished):
            return self._last(event)
        return []

    def _last(self, event: RunFinished) -> list[bytes]:
        if event.status == "failed":
            return []  # the error was said, and no [DONE] that would call it whole
        reason = _FINISH.get(self._told.finish_reason or "stop", "stop")
        note = _note(self._told.violation, appealable=self._appealable)
        more = {} if note is None else {"guardrails": note.model_dump()}
        lines = [self._chunk({}, "content_filter" if note else reason, more)]
        options = self._ask.request.stream_options
        if options is not None and options.include_usage:
            usage = self._told.usage
            tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
            lines.append(
                _line({**self._head, "choices": [], "usage": _usage(*tokens).model_dump()})
            )
        return [*lines, b"data: [DONE]\n\n"]

    def _chunk(
        self,
        delta: Mapping[str, str],
        reason: str | None = None,
        more: Mapping[str, object] | None = None,
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _line({**self._head, "choices": [choice], **(more or {})})


def _line(data: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(data)


def _usage(prompt: int, completed: int) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=prompt, completion_tokens=completed, total_tokens=prompt + completed
    )


def _note(violation: Violation | None, *, appealable: bool) -> GuardrailsNote | None:
    if violation is None:
        return None
    return GuardrailsNote(
        principle_id=None if violation.principle is None else violation.principle.id,
        decision_id=violation.decision_id,
        appeal_url=_APPEALS if appealable and violation.appealable else None,
    )
