"""Asking: from a checked request to a run, and from a run to an answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from starlette.types import Receive

from api import frames
from api.problems import error_of
from api.run import Run
from api.runs import Runs
from api.schemas import ChatAnswer
from api.settings import Settings
from api.stream import RunStream, ended_or_gone
from api.transcript import Transcript
from chains.conversation import Conversation, Repeat, StoredRun
from chains.errors import ConflictError, CovenantError, NotFoundError, ServiceUnavailableError
from chains.store import ConversationStore
from chains.streams import closing
from chains.turn import Turn

_FIRST_EVENT = timedelta(seconds=1)
"""How long a stream waits for its first event, so that a request that fails at once is answered
with the status it deserves; then it begins anyway."""


class Ask(Protocol):
    """A checked request for an answer."""

    @property
    def session_id(self) -> str:
        """Whose."""

    @property
    def stateless(self) -> bool:
        """Whether the client keeps the conversation itself."""

    def stored(self, worker: str) -> StoredRun:
        """How its run enters the session."""

    def fingerprint(self) -> str:
        """Tells this request from another under the same idempotency key."""

    def turn(self, stored: StoredRun, conversation: Conversation) -> tuple[Turn, StoredRun]:
        """Place the request in its conversation."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that answers a request: a new one, or the first one of a repeated request."""

    session_id: str
    run_id: str
    run: Run | None
    """Set where this process answers it; it is attended."""


class Chat:
    """What a person can ask of a session."""

    def __init__(self, settings: Settings, store: ConversationStore, runs: Runs) -> None:
        self._settings = settings
        self._store = store
        self._runs = runs

    async def begin(self, ask: Ask, *, key: str | None, request_id: str) -> Begun:
        """Begin a run, in one round trip; a repeat under the same key finds the first one.

        Raises:
            AuthenticationError: The session has ended.
            ConflictError: The key was used for another request.
            NotFoundError: The exchange to follow or repeat is not in the session.
            ServiceUnavailableError: The process stops, or Redis cannot be reached.
        """
        self._runs.admit()
        stored = ask.stored(self._runs.worker_id)
        fingerprint = ask.fingerprint()
        found = await self._store.begin(ask.session_id, stored, key=key, fingerprint=fingerprint)
        if isinstance(found, Repeat):
            if found.fingerprint != fingerprint:
                raise ConflictError("This idempotency key was used for another request.")
            run = self._runs.local(ask.session_id, found.run_id)
            if run is not None:
                self._runs.attend(run)
            return Begun(ask.session_id, found.run_id, run)
        try:
            try:
                turn, stored = ask.turn(stored, found)
            except NotFoundError:  # it may follow or repeat an old exchange
                turn, stored = ask.turn(stored, await self._store.conversation(ask.session_id))
        except CovenantError:
            with suppress(ServiceUnavailableError):
                await self._store.finish(ask.session_id, replace(stored, status="failed"))
            raise
        run = self._runs.start(turn, stored, request_id=request_id, stateless=ask.stateless)
        self._runs.attend(run)
        return Begun(ask.session_id, run.id, run)

    async def stream(
        self,
        begun: Begun,
        *,
        after: int = 0,
        resumable: bool = True,
        rewrite: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]] | None = None,
    ) -> RunStream | None:
        """Stream a run's events.

        Args:
            begun: The run.
            after: Only those after this sequence number.
            resumable: Whether a client that left could come back.
            rewrite: Turns our frames into another protocol's.

        Returns:
            The stream, or None where nothing is left to read.

        Raises:
            CovenantError: The run failed before its first event.
            NotFoundError: There is no such run, or its events have expired.
        """
        run = begun.run
        if run is None:
            content = await self._runs.elsewhere.follow(begun.session_id, begun.run_id, after)
            return None if content is None else self._response(content, rewrite)
        if run.transcript.finished is not None and after >= len(run.frames):
            self._runs.leave(run)
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_EVENT.total_seconds()):
                await run.first_event()
        if run.transcript.started is None and run.failure is not None:
            self._runs.leave(run)
            raise run.failure
        return self._response(
            run.follow(after), rewrite, lambda: self._runs.leave(run, at_once=not resumable)
        )

    async def follow(self, session_id: str, run_id: str, *, after: int) -> RunStream | None:
        """Stream a run that was begun before; as `stream`."""
        run = self._runs.local(session_id, run_id)
        if run is not None:
            self._runs.attend(run)
        return await self.stream(Begun(session_id, run_id, run), after=after)

    async def answer(self, begun: Begun, receive: Receive, *, resumable: bool) -> ChatAnswer | None:
        """Wait for a run's whole answer; as `transcript`."""
        transcript = await self.transcript(begun, receive, resumable=resumable)
        return None if transcript is None else transcript.answer()

    async def transcript(
        self, begun: Begun, receive: Receive, *, resumable: bool
    ) -> Transcript | None:
        """Wait for what a run says, to its end.

        Args:
            begun: The run.
            receive: Tells when the client leaves.
            resumable: Whether a client that left could ask for the answer again.

        Returns:
            What it said, or None where the client left.

        Raises:
            CovenantError: The run failed.
        """
        run = begun.run
        if run is None:
            return _whole(await self._told(begun))
        ended = await ended_or_gone(run.ended, receive)
        self._runs.leave(run, at_once=not resumable)
        return _whole(run.transcript, run.failure) if ended else None

    async def _told(self, begun: Begun) -> Transcript:
        """What the events of a run elsewhere, or of one that has ended, tell."""
        try:
            content = await self._runs.elsewhere.follow(begun.session_id, begun.run_id, 0)
        except NotFoundError:
            raise ConflictError("This was answered before; see the history.") from None
        transcript = Transcript()
        if content is not None:
            async with closing(content) as batches:
                async for batch in batches:
                    for event in frames.decode_all(batch):
                        transcript.add(event)
        return transcript

    def _response(
        self,
        content: AsyncIterator[bytes],
        rewrite: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]] | None,
        leave: Callable[[], None] | None = None,
    ) -> RunStream:
        begin = frames.RETRY if rewrite is None else b""
        written = content if rewrite is None else rewrite(content)
        return RunStream(written, self._settings.runs, begin=begin, leave=leave)


def _whole(transcript: Transcript, failure: CovenantError | None = None) -> Transcript:
    if failure is not None:
        raise failure
    if transcript.error is not None:
        raise error_of(transcript.error)
    if transcript.started is None:
        raise ConflictError("The run was stopped before it began.")
    return transcript
