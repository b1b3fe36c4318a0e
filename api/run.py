"""One run in the process that answers it: its events so far, and who watches."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from api import frames
from api.transcript import Transcript
from chains.conversation import StoredRun
from chains.errors import CovenantError, InternalError
from chains.events import ChatEvent, GuardBlocked, MessageDelta
from chains.turn import Turn


class Ending(Enum):
    """Why a run ends before its chain does."""

    STOPPED = "stopped"
    """The person stopped it."""
    ABANDONED = "abandoned"
    """Nobody watched any more."""
    ERASED = "erased"
    """Its session was erased; nothing of it is kept."""
    DRAINED = "drained"
    """The process stops."""
    OVERDUE = "overdue"
    """It took too long or said too much."""


@dataclass(eq=False, slots=True)
class Run:
    """A run's log, shared by all readers: each keeps its own place in it, and none holds it up.

    Every event gets a sequence number, from 1. Memory is bounded by the log, whose length is, and
    not by the number or the speed of readers.
    """

    turn: Turn
    stored: StoredRun
    transcript: Transcript
    request_id: str
    stateless: bool = False
    """Its client keeps the conversation itself: neither exchange nor log is kept here."""
    frames: list[bytes] = field(default_factory=list, repr=False)
    written: int = 0
    """Frames that the shared log has."""
    rewrite: bool = False
    """The shared log still has text that was withdrawn."""
    ending: Ending | None = None
    seen_chars: int | None = None
    """With `STOPPED`: characters of the answer the person saw."""
    failure: CovenantError | None = None
    """What the run failed with, for answers with a status of their own."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    limit: asyncio.Timeout | None = None
    task: asyncio.Task[None] | None = None
    watchers: int = 0
    abandoning: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.turn.run_id

    @property
    def session_id(self) -> str:
        """Whose run it is."""
        return self.turn.session_id

    def add(self, event: ChatEvent) -> None:
        """Take in the next event; readers get it at once."""
        if self.transcript.finished is not None:
            raise InternalError("Nothing follows run.finished.")
        self.transcript.add(event)
        self.frames.append(frames.encode(len(self.frames) + 1, event))
        if isinstance(event, GuardBlocked) and event.retract_from is not None:
            self._blank(event.retract_from)
        self.notify()

    def prepared(self, event: ChatEvent) -> tuple[int, bytes]:
        """The next frame, not yet shown to anybody."""
        seq = len(self.frames) + 1
        return seq, frames.encode(seq, event)

    def unwritten(self) -> list[tuple[int, bytes]]:
        """Sequence numbers and frames the shared log does not have."""
        begin = 0 if self.rewrite else self.written
        return list(enumerate(self.frames[begin:], start=begin + 1))

    def notify(self) -> None:
        """Wake every reader."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def end(self, ending: Ending) -> None:
        """End the run now; the first reason counts."""
        if self.ending is None and self.transcript.finished is None:
            self.ending = ending
            if self.limit is not None and not self.limit.expired():
                # The deadline and every other early end are one mechanism: the run's timeout.
                self.limit.reschedule(0)

    async def first_event(self) -> None:
        """Wait until the run has said something or ended."""
        while not self.frames and not self.ended.is_set():
            await self._changed.wait()

    async def follow(self, after: int) -> AsyncIterator[bytes]:
        """Read the frames after sequence number `after`, then those to come, to the last."""
        place = after
        while True:
            if place < len(self.frames):
                # Whatever piled up since the last read goes out in one piece.
                batch, place = self.frames[place:], len(self.frames)
                yield b"".join(batch)
            elif self.transcript.finished is not None or self.ended.is_set():
                return
            else:
                await self._changed.wait()
                # What the same turn of the loop still says goes out in the same piece.
                await asyncio.sleep(0)

    def _blank(self, length: int) -> None:
        """Withdraw text from the log; its sequence numbers stay."""
        for index, frame in enumerate(self.frames):
            if frame.startswith(b"event: message.delta\n"):
                delta = frames.decode(frame)
                if isinstance(delta, MessageDelta) and delta.offset + len(delta.text) > length:
                    self.frames[index] = frames.encode(index + 1, frames.blanked(delta, length))
                    self.rewrite = self.rewrite or index < self.written


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How long runs may take and are kept."""

    grace: timedelta
    replay: timedelta
    deadline: timedelta
    max_events: int
    drain: timedelta
