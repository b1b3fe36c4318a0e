"""Conversations, kept in Redis for as long as their session lives and not a second longer.

One script call before a turn and one after it. Every script checks that the session still exists
and writes in the same step, so nothing can be written to a session that was erased meanwhile. All
keys of a session share the hash tag ``{session id}``: one slot of a cluster holds it whole.

```
{sid}:meta          hash    started, ends, preferences, context
{sid}:exchanges     list    questions and answers, oldest first, all branches
{sid}:details       hash    message id -> what else the history tells of it; not read for a turn
{sid}:runs          hash    run id -> how it stands
{sid}:idempotency   hash    idempotency key -> run id and fingerprint of the request
{sid}:blocks        hash    decision id -> what was stopped by which principle, without the text
{sid}:log:<run>     stream  a run's events (`api.runs`)
```
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from chains.conversation import Conversation, Repeat, Session, StoredBlock, StoredRun
from chains.errors import AuthenticationError
from chains.redis_client import reaching
from chains.turn import Exchange, Language

_RECENT = 30
"""Exchanges read for a turn: more than fit into a prompt."""
_PARTS = ("meta", "exchanges", "details", "runs", "idempotency", "blocks")


@dataclass(frozen=True, slots=True)
class LogEntries:
    """Events for a run's log."""

    events: Sequence[tuple[int, bytes]] = field(default=(), repr=False)
    """Sequence number, from 1, and encoded event."""
    keep: timedelta = timedelta(minutes=10)
    """How long the log can be read from now on."""
    most: int = 5000
    """Events kept; older ones may be dropped."""
    anew: bool = False
    """Replace the log, so that nobody can read what was withdrawn, instead of adding to it."""

    def arguments(self) -> tuple[int | bytes, ...]:
        """As the scripts take them."""
        flat = (part for entry in self.events for part in entry)
        return (int(self.anew), max(1, int(self.keep.total_seconds())), self.most, *flat)


class ConversationStore:
    """Sessions and what was said in them.

    Args:
        client: A connected client; the caller closes it.
        idle: A session unused for this long is erased.
        lifetime: Every session is erased this long after its start.
        max_exchanges: Exchanges a session remembers.

    Every method raises `ServiceUnavailableError` when Redis cannot be reached in time.
    """

    def __init__(
        self, client: Redis, *, idle: timedelta, lifetime: timedelta, max_exchanges: int
    ) -> None:
        self.client = client
        self._idle = int(idle.total_seconds())
        self._lifetime = int(lifetime.total_seconds())
        self._max_exchanges = max_exchanges
        self._scripts = {name: script(client, name) for name in _SCRIPTS}

    async def start(
        self, *, language: Language | None, thinking: bool, context: str | None
    ) -> Session:
        """Begin a session under a new, unguessable id."""
        session_id = f"s_{secrets.token_urlsafe(18)}"
        kept = {"thinking": str(int(thinking)), "language": language, "context": context}
        fields = [part for name, value in kept.items() if value for part in (name, value)]
        with reaching("Conversations"):
            started, ends = await self._scripts["start"](
                keys=[meta_key(session_id)], args=[self._idle, self._lifetime, *fields]
            )
        return Session(
            id=session_id,
            started=_moment(started),
            ends=_moment(ends),
            language=language,
            thinking=thinking,
            context=context,
        )

    async def session(self, session_id: str) -> Session:
        """Read a session's frame and keep it alive.

        Raises:
            AuthenticationError: It ended, was erased or never was.
        """
        return (await self._read(session_id, whole=False)).session

    async def conversation(self, session_id: str) -> Conversation:
        """Read a session whole and keep it alive.

        Raises:
            AuthenticationError: It ended, was erased or never was.
        """
        return await self._read(session_id, whole=True)

    async def begin(
        self, session_id: str, run: StoredRun, *, key: str | None, fingerprint: str
    ) -> Conversation | Repeat:
        """Enter a run and read the session with its latest exchanges, in one round trip.

        Args:
            session_id: Whose run.
            run: How it stands.
            key: The client's idempotency key.
            fingerprint: Tells one request from another under the same key; without spaces.

        Raises:
            AuthenticationError: The session ended, was erased or never was.
        """
        with reaching("Conversations"):
            reply = await self._scripts["begin"](
                keys=_keys(session_id),
                args=[self._idle, run.run_id, orjson.dumps(run), key or "", fingerprint, _RECENT],
            )
        if reply is None:
            raise _ended()
        if reply[0] == 1:
            return Repeat(run_id=reply[1].decode(), fingerprint=reply[2].decode())
        return _conversation(session_id, *reply[1:])

    async def finish(
        self,
        session_id: str,
        run: StoredRun,
        *,
        exchange: Exchange | None = None,
        details: bytes = b"null",
        block: StoredBlock | None = None,
        log: LogEntries = LogEntries(),
    ) -> bool:
        """End a run and keep its exchange; sending it twice changes nothing.

        Args:
            session_id: Whose run.
            run: How it ended.
            exchange: What to keep; None keeps nothing.
            details: JSON of what else the history tells of the exchange.
            block: What a person may appeal.
            log: The last events of the run's log.

        Returns:
            Whether the session still existed, and so anything was kept.
        """
        with reaching("Conversations"):
            written = await self._scripts["finish"](
                keys=[*_keys(session_id), log_key(session_id, run.run_id)],
                args=[
                    self._idle,
                    run.run_id,
                    orjson.dumps(run),
                    "" if exchange is None else exchange.message_id,
                    "" if exchange is None else orjson.dumps(exchange),
                    details,
                    self._max_exchanges,
                    "" if block is None else block.decision_id,
                    "" if block is None else orjson.dumps(block),
                    *log.arguments(),
                ],
            )
        return bool(written)

    async def block(self, session_id: str, decision_id: str) -> StoredBlock | None:
        """The block a person names, if it is theirs."""
        with reaching("Conversations"):
            found = await self.client.hget(_key(session_id, "blocks"), decision_id)
        return None if found is None else StoredBlock(**orjson.loads(found))

    async def run(self, session_id: str, run_id: str) -> StoredRun | None:
        """The run a person names, if it is theirs."""
        with reaching("Conversations"):
            found = await self.client.hget(_key(session_id, "runs"), run_id)
        return None if found is None else StoredRun(**orjson.loads(found))

    async def erase(self, session_id: str) -> tuple[StoredRun, ...]:
        """Erase everything kept of a session; its tokens are worthless from then on.

        Returns:
            Its runs; those still going have to be stopped.
        """
        with reaching("Conversations"):
            runs = await self._scripts["erase"](
                keys=_keys(session_id), args=[log_key(session_id, "")]
            )
        return tuple(StoredRun(**orjson.loads(run)) for run in runs)

    async def _read(self, session_id: str, *, whole: bool) -> Conversation:
        with reaching("Conversations"):
            reply = await self._scripts["read"](
                keys=_keys(session_id), args=[self._idle, int(whole)]
            )
        if reply is None:
            raise _ended()
        return _conversation(session_id, *reply)


def meta_key(session_id: str) -> str:
    """Key that exists as long as the session does."""
    return _key(session_id, "meta")


def log_key(session_id: str, run_id: str) -> str:
    """Key of a run's log."""
    return f"{{{session_id}}}:log:{run_id}"


_SCRIPTS = ("start", "read", "begin", "finish", "erase")


def script(client: Redis, name: str) -> AsyncScript:
    """Load one of the scripts in `chains/lua`."""
    source = resources.files("chains").joinpath("lua", f"{name}.lua").read_text("utf-8")
    return client.register_script(source)


def _key(session_id: str, part: str) -> str:
    return f"{{{session_id}}}:{part}"


def _keys(session_id: str) -> list[str]:
    return [_key(session_id, part) for part in _PARTS]


def _ended() -> AuthenticationError:
    return AuthenticationError("This session has ended.")


def _moment(seconds: bytes | str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _exchange(document: bytes) -> Exchange:
    fields = orjson.loads(document)
    return Exchange(**{**fields, "at": datetime.fromisoformat(fields["at"])})


def _conversation(
    session_id: str,
    meta: Sequence[bytes],
    exchanges: Sequence[bytes],
    details: Sequence[bytes] = (),
    runs: Sequence[bytes] = (),
) -> Conversation:
    kept: dict[str, Any] = {
        name.decode(): value.decode() for name, value in zip(meta[::2], meta[1::2], strict=True)
    }
    return Conversation(
        session=Session(
            id=session_id,
            started=_moment(kept["started"]),
            ends=_moment(kept["ends"]),
            language=kept.get("language"),
            thinking=kept.get("thinking") == "1",
            context=kept.get("context"),
        ),
        exchanges=tuple(_exchange(document) for document in exchanges),
        details={
            name.decode(): value for name, value in zip(details[::2], details[1::2], strict=True)
        },
        runs=tuple(StoredRun(**orjson.loads(run)) for run in runs[1::2]),
    )
