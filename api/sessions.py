"""Beginning, renewing, reading and ending sessions."""

from datetime import timedelta

from api.auth import IssuedToken, Principal, Tokens
from api.backend import Backend
from api.records import RecordStore
from api.runs import Runs
from api.schemas import (
    ActiveRun,
    HistoryItem,
    HistoryPage,
    StartAnswer,
    StartRequest,
    TokenAnswer,
)
from api.settings import Settings
from api.turns import bounded
from chains.conversation import Conversation, Session
from chains.errors import BadRequestError, NotFoundError
from chains.store import ConversationStore
from chains.turn import Exchange, Language

_SUGGESTIONS = (
    "suggestion_documents",
    "suggestion_constitution",
    "suggestion_other_language",
    "suggestion_blocked",
)


class Sessions:
    """What a person can do with a session as a whole."""

    def __init__(
        self,
        settings: Settings,
        tokens: Tokens,
        store: ConversationStore,
        records: RecordStore,
        runs: Runs,
        backend: Backend,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._store = store
        self._records = records
        self._runs = runs
        self._backend = backend

    async def start(
        self, request: StartRequest, visitor: Principal | None, fallback: Language
    ) -> StartAnswer:
        """Begin a session and greet.

        Args:
            request: What the person prefers.
            visitor: Staff who start a session keep their role in it.
            fallback: The browser's language.
        """
        bounded("context", request.context or "", self._settings.limits.context_chars)
        language = request.preferences.language or fallback
        session = await self._store.start(
            language=language,
            thinking=request.preferences.thinking,
            context=request.context,
        )
        token = self._token(session, visitor)
        policy = self._backend.rails.current.policy
        demo = self._backend.demo
        hours = round(self._settings.session.lifetime / timedelta(hours=1))
        notices = [
            policy.message("notice_ai", language),
            policy.message("notice_retention", language, hours=str(hours)),
        ]
        if demo:
            notices.append(policy.message("notice_demo", language))
        if not self._backend.judged():
            notices.append(policy.message("notice_judge_missing", language))
        return StartAnswer(
            session_id=session.id,
            token=token.text,
            expires_at=token.expires,
            session_expires_at=session.ends,
            message=policy.message("greeting_extractive" if demo else "greeting", language),
            suggestions=tuple(policy.message(key, language) for key in _SUGGESTIONS),
            notices=tuple(notices),
        )

    async def refresh(self, who: Principal) -> TokenAnswer:
        """Give a fresh token for the same session."""
        session = await self._store.session(who.subject)
        token = self._token(session, who)
        return TokenAnswer(
            session_id=session.id,
            token=token.text,
            expires_at=token.expires,
            session_expires_at=session.ends,
        )

    async def history(self, who: Principal, *, before: str | None, limit: int) -> HistoryPage:
        """Show a page of the session's exchanges.

        Args:
            who: The session.
            before: Cursor of an earlier page: only what is older than this exchange.
            limit: Most exchanges.

        Raises:
            NotFoundError: There are none.
            BadRequestError: The cursor is not one.
        """
        conversation = await self._store.conversation(who.subject)
        ids = [exchange.message_id for exchange in conversation.exchanges]
        active = _active(conversation)
        if not ids and not active:
            raise NotFoundError("Nothing was said in this session yet.")
        if before is not None and before not in ids:
            raise BadRequestError(
                "There is no such page.", fields=(("before", "is not a cursor of this history"),)
            )
        end = len(ids) if before is None else ids.index(before)
        begin = max(0, end - limit)
        return HistoryPage(
            session_id=who.subject,
            session_expires_at=conversation.session.ends,
            items=tuple(
                _item(exchange, conversation.details.get(exchange.message_id))
                for exchange in conversation.exchanges[begin:end]
            ),
            before=ids[begin] if begin else None,
            active=active if before is None else (),
        )

    async def erase(self, who: Principal) -> None:
        """Erase everything kept of a session; its tokens are worthless from then on."""
        await self._store.session(who.subject)
        # Records first: if they cannot be reached, the session still lives and can be told again.
        await self._records.erase(who.subject)
        runs = await self._store.erase(who.subject)
        await self._runs.erased(who.subject, runs)

    def _token(self, session: Session, who: Principal | None) -> IssuedToken:
        ttl = self._settings.session.token_ttl
        return self._tokens.issue_session(session.id, ttl=ttl, ends=session.ends, actor=who)


def _item(exchange: Exchange, details: bytes | None) -> HistoryItem:
    """An exchange as the history shows it; a full Redis may have dropped its details alone."""
    if details is not None:
        return HistoryItem.model_validate_json(details)
    return HistoryItem(
        run_id=None,
        message_id=exchange.message_id,
        parent_id=exchange.parent_id,
        question=exchange.question,
        text=exchange.answer,
        finish_reason=exchange.finish_reason,
        at=exchange.at,
    )


def _active(conversation: Conversation) -> tuple[ActiveRun, ...]:
    questions = {exchange.message_id: exchange for exchange in conversation.exchanges}
    latest = conversation.exchanges[-1].message_id if conversation.exchanges else None
    found: list[ActiveRun] = []
    for run in conversation.runs:
        if run.status != "running":
            continue
        repeated = questions.get(run.regenerates or "")
        found.append(
            ActiveRun(
                run_id=run.run_id,
                message_id=run.message_id,
                parent_id=repeated.parent_id if repeated else (run.parent_id or latest),
                question=repeated.question if repeated else run.question,
            )
        )
    return tuple(found)
