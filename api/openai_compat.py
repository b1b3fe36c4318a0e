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
from typing import Any

import orjson

from api import frames
from api.openai_schemas import (
    Completion,
    CompletionAnswerMessage,
    CompletionChoice,
    CompletionRequest,
    CompletionUsage,
    GuardrailsNote,
)
from api.problems import openai_error
from api.schemas import Violation
from api.transcript import Transcript
from api.turns import bounded
from chains.conversation import Conversation, StoredRun
from chains.errors import BadRequestError, NotFoundError
from chains.events import ChatEvent, ErrorEvent, GuardBlocked, MessageDelta, RunFinished
from chains.streams import closing
from chains.turn import Turn

MODEL = "covenant"
"""The name every client may ask for."""
_APPEALS = "/api/v1/appeals"
_FINISH: Mapping[str, str] = {"stop": "stop", "length": "length", "blocked": "content_filter"}


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
            follow_ups=False,
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
            return [_line({"error": openai_error(event).model_dump()})]
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
