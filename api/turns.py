"""From a request to a turn: which branch it follows, what was said before."""

import hashlib
import secrets
from dataclasses import dataclass, replace

from api.auth import Principal, Role
from api.schemas import ChatRequest
from api.settings import Settings
from chains.conversation import Conversation, StoredRun
from chains.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chains.turn import Exchange, Turn


@dataclass(frozen=True, slots=True)
class ChatAsk:
    """A checked request for an answer in a session."""

    request: ChatRequest
    session_id: str
    trace: bool = False
    stateless: bool = False

    def stored(self, worker: str) -> StoredRun:
        """How its run enters the session."""
        return StoredRun(
            run_id=f"r_{secrets.token_urlsafe(12)}",
            message_id=f"m_{secrets.token_urlsafe(12)}",
            status="running",
            worker=worker,
            parent_id=self.request.parent_id,
            question=self.request.message or "",
            regenerates=self.request.regenerate,
        )

    def fingerprint(self) -> str:
        """Tells this request from another under the same idempotency key."""
        return hashlib.sha256(self.request.model_dump_json().encode()).hexdigest()[:32]

    def turn(self, stored: StoredRun, conversation: Conversation) -> tuple[Turn, StoredRun]:
        """Place the request in its conversation.

        Returns:
            The turn, and the run with its place.

        Raises:
            NotFoundError: The exchange it follows or repeats is not in this session.
            ConflictError: The exchange to repeat has no question: a principle stopped it.
        """
        question, parent = self._place(conversation)
        session = conversation.session
        contexts = filter(None, (session.context, self.request.context))
        thinking = self.request.thinking
        turn = Turn(
            run_id=stored.run_id,
            session_id=self.session_id,
            message_id=stored.message_id,
            question=question,
            language=session.language or "en",
            history=tuple(filter(_tells_something, _thread(conversation, parent))),
            context="\n".join(contexts) or None,
            thinking=session.thinking if thinking is None else thinking,
            trace=self.trace,
        )
        return turn, replace(stored, parent_id=parent, question=question)

    def _place(self, conversation: Conversation) -> tuple[str, str | None]:
        repeated = self.request.regenerate
        if repeated is not None:
            found = [e for e in conversation.exchanges if e.message_id == repeated]
            if not found:
                raise NotFoundError("There is no such exchange in this session.")
            if not found[0].question:
                raise ConflictError("The question was not kept; please ask it again.")
            return found[0].question, found[0].parent_id
        question = self.request.message or ""
        if "parent_id" in self.request.model_fields_set:
            return question, self.request.parent_id
        latest = conversation.exchanges[-1].message_id if conversation.exchanges else None
        return question, latest


def ask_of(request: ChatRequest, who: Principal, settings: Settings, *, trace: bool) -> ChatAsk:
    """Check what the schema cannot.

    Raises:
        BadRequestError: Fields are missing, too long or contradict one another.
        ForbiddenError: A trace is for engineers.
        NotFoundError: The session named in the body is not the token's.
    """
    if request.session_id not in (None, who.subject):
        raise NotFoundError("There is no such session.")
    if (request.message is None) == (request.regenerate is None):
        raise BadRequestError(
            "Give either a message or an exchange to regenerate.",
            fields=(("message", "is required, unless regenerate is given"),),
        )
    if request.regenerate is not None and "parent_id" in request.model_fields_set:
        raise BadRequestError(
            "A regenerated answer stands beside the first one.",
            fields=(("parent_id", "cannot be given with regenerate"),),
        )
    if request.message is not None:
        bounded("message", request.message, settings.chain.max_message_chars)
        if not request.message.strip():
            raise BadRequestError("The message is empty.", fields=(("message", "is empty"),))
    bounded("context", request.context or "", settings.limits.context_chars)
    if trace and who.role not in (Role.ENGINEER, Role.ADMIN):
        raise ForbiddenError("A trace is for engineers.")
    return ChatAsk(request, who.subject, trace=trace)


def bounded(field: str, text: str, most: int) -> None:
    """Refuse a text that is too long.

    Raises:
        BadRequestError: It has more than `most` characters.
    """
    if len(text) > most:
        raise BadRequestError(
            f"The {field} is longer than {most} characters.",
            fields=((field, f"must be at most {most} characters"),),
            too_large=True,
        )


def _thread(conversation: Conversation, last: str | None) -> tuple[Exchange, ...]:
    try:
        return conversation.thread(last)
    except KeyError:
        raise NotFoundError("There is no such exchange in this session.") from None


def _tells_something(exchange: Exchange) -> bool:
    """Whether an exchange helps the model: what was stopped or failed has no question or answer."""
    return bool(exchange.question and exchange.answer)
