"""The state that travels the path: one frozen `Turn` in, `Piece`s of an answer out of the model.

Stages take a `Turn` and return a new one; nothing on the path is shared or mutated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from chains.errors import InternalError
from chains.protocols import Rails
from guardrails.dialogue import Message, Role
from guardrails.verdict import Decision, Strictness

Language = Literal["en", "zh"]
"""Languages that templates and principles exist in; answers follow the person's own."""

FinishReason = Literal["stop", "length", "blocked", "stopped", "error"]


class Rung(StrEnum):
    """Which rung of the fallback ladder answers; `PRIMARY` is no degradation."""

    PRIMARY = "primary"
    SECONDARY_MODEL = "secondary_model"
    CACHED = "cached"
    EXTRACTIVE = "extractive"


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document of the knowledge base: untrusted data, never an instruction."""

    id: str
    """Stable across rebuilds of the index while the text is unchanged."""
    doc_id: str
    title: str
    text: str = field(repr=False)
    url: str | None = None
    page: int | None = None
    heading: str | None = None
    score: float = 0.0
    """Relevance to the query, comparable within one search only."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer, as the session remembers them."""

    message_id: str
    question: str = field(repr=False)
    answer: str = field(repr=False)
    """Empty where a principle stopped the exchange: blocked text is never stored."""
    finish_reason: FinishReason
    at: datetime
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message on its way to an answer."""

    run_id: str
    session_id: str
    message_id: str
    question: str = field(repr=False)
    language: Language = "en"
    history: tuple[Exchange, ...] = field(default=(), repr=False)
    """Earlier exchanges of the session, oldest first."""
    context: str | None = field(default=None, repr=False)
    """What the page or client says about the situation: untrusted, bounded."""
    preamble: tuple[Message, ...] = field(default=(), repr=False)
    """Earlier messages a client sent itself (OpenAI API): checked and used, never trusted."""
    thinking: bool = False
    """Whether the person asked for the model's reasoning."""
    strictness: Strictness | None = None
    """Staff only: another strictness than the active one."""
    follow_ups: bool = True
    """Whether questions to try next are shown to anybody."""
    trace: bool = False
    """Staff only: tell what each rail said."""
    rails: Rails | None = field(default=None, repr=False)
    """Set by `prepare`: the policy in force when the turn began, pinned to its end."""
    passages: tuple[Passage, ...] = ()
    """Set by `retrieve`."""
    screened: tuple[Decision, ...] = ()
    """Set by `screen`: what the retrieval rails said of each retrieved passage."""
    summary: str = field(default="", repr=False)
    """Set by `recall`: the exchanges before those of `history`, which it shortens to what fits."""
    prompt: tuple[Message, ...] = field(default=(), repr=False)
    """Set by `prompt`."""

    @property
    def pinned_rails(self) -> Rails:
        """The pinned rails.

        Raises:
            InternalError: `prepare` did not run. There is no path without rails.
        """
        if self.rails is None:
            raise InternalError("The turn has no rails: prepare must run first.")
        return self.rails

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Everything said, oldest first, ending with the question.

        An exchange that a principle stopped is left out: with no answer after it, its question
        would be read as part of the next one, and stop that too.
        """
        said = list(self.preamble)
        for exchange in self.history:
            if exchange.finish_reason == "blocked":
                continue
            said.append(Message(Role.USER, exchange.question))
            if exchange.answer:
                said.append(Message(Role.ASSISTANT, exchange.answer))
        said.append(Message(Role.USER, self.question))
        return tuple(said)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model call used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """USD; None where the model has no known price."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages the answer may cite, numbered from 1 in this order."""

    passages: tuple[Passage, ...]
    screened: tuple[Decision, ...] = ()
    """What the retrieval rails said, passages they withheld included."""


@dataclass(frozen=True, slots=True)
class Answering:
    """A rung took the turn."""

    rung: Rung
    model: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A window of the model's reasoning, unchecked."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A window of the answer, unchecked."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer ended by itself."""

    finish_reason: Literal["stop", "length"]
    usage: Usage


Piece = Retrieved | Answering | Reasoning | Text | Completed
"""What flows from the model's side of the path to the rails around it."""


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbouring windows of the same kind, losing nothing.

    Where the rails are slower than the model they then check fewer, longer windows.
    """
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Text) and isinstance(last, Text):
            result[-1] = Text(last.text + piece.text)
        elif isinstance(piece, Reasoning) and isinstance(last, Reasoning):
            result[-1] = Reasoning(last.text + piece.text)
        else:
            result.append(piece)
    return result
