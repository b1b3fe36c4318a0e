"""What is remembered of a session while it lives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from chains.turn import Exchange, Language

FinalStatus = Literal["completed", "blocked", "stopped", "failed"]
RunStatus = Literal["running"] | FinalStatus


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation's frame."""

    id: str
    started: datetime
    ends: datetime
    """When it is erased at the latest."""
    language: Language | None = None
    thinking: bool = False
    context: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """How a run stands."""

    run_id: str
    message_id: str
    status: RunStatus
    worker: str
    """Id of the process that answers, which alone can stop it."""
    parent_id: str | None = None
    question: str = field(default="", repr=False)
    """Kept while it runs, so that a page that was reloaded can show it; then only in the
    exchange."""
    regenerates: str | None = None
    """The exchange whose question is asked again."""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block a person may appeal, without the text."""

    decision_id: str
    message_id: str
    stage: Literal["input", "retrieval", "output"]
    principle_id: str | None
    appealable: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session with all that is kept of it."""

    session: Session
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)
    """Oldest first, all branches."""
    details: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """By message id, JSON of whoever stored it: citations, violation, metadata. Empty in what
    `ConversationStore.begin` returns, where it is not needed."""
    runs: tuple[StoredRun, ...] = ()

    def thread(self, last: str | None) -> tuple[Exchange, ...]:
        """The branch that ends with the exchange `last`, oldest first.

        Raises:
            KeyError: There is no such exchange.
        """
        by_id = {exchange.message_id: exchange for exchange in self.exchanges}
        branch: list[Exchange] = []
        if last is not None:
            branch.append(by_id[last])
        # An older exchange may have been forgotten: the branch then begins after it.
        while branch and (parent := by_id.get(branch[-1].parent_id or "")) is not None:
            branch.append(parent)
        return tuple(reversed(branch))


@dataclass(frozen=True, slots=True)
class Repeat:
    """The idempotency key was used before: by which run, and for the same request or not."""

    run_id: str
    fingerprint: str
