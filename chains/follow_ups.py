"""Questions to try next, after an answer: from what was read for it, without a model.

They are ready before the run's last word or not at all: the answer is whole by then, and a short
deadline bounds what they may cost. Headings are text of documents, so each question goes through
the input rails' local layers like a person's own, and only a clean pass is offered.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.events import (
    Citation,
    FollowUps,
    MessageCompleted,
    MessageDelta,
    RunFinished,
    SourceItem,
    Sources,
    Told,
)
from chains.knowledge.tokens import Tokenizer
from chains.novelty import Asked
from chains.phrasing import is_askable, parts_of, question_about
from chains.streams import closing
from chains.turn import Turn
from guardrails.dialogue import Message, Role
from guardrails.verdict import Layer, Outcome

_NEAR_THE_BEST: Final = 0.75
"""Share of the best passage's score from which another is about the same matter."""
_MOST_OPENED: Final = 12
"""Passages opened on the way outward from what was cited."""
_LOCAL: Final = (Layer.RULES, Layer.CLASSIFIER)


class OpenPassage(Protocol):
    """A passage and where it stands; `chains.knowledge.retriever.PassageView`."""

    @property
    def heading(self) -> str | None:
        """Of its section."""

    @property
    def neighbours(self) -> Sequence[tuple[str, str]]:
        """Id and text of the passages before and after it in its document."""


class OpensPassages(Protocol):
    """Opens passages by their id; `chains.knowledge.retriever.Retriever`."""

    async def passage(self, passage_id: str, /) -> OpenPassage | None:
        """The passage, if it is (still) in the documents."""


def with_follow_ups(
    chat: Runnable[Turn, Told], passages: OpensPassages, *, most: int, deadline: timedelta
) -> Runnable[Turn, Told]:
    """Build the stage that adds `follow_ups` to the runs of `chat` that were answered.

    Args:
        chat: Tells what happens, from a prepared turn.
        passages: Opens what was cited, to see what stands beside it.
        most: Most questions offered; 0 offers none.
        deadline: How long finding them may hold up the run's last word.
    """
    if not most:
        return chat
    finder = _Finder(passages, Tokenizer(), most, deadline)

    async def events(turns: AsyncIterator[Turn]) -> AsyncIterator[Told]:
        async for turn in turns:
            heard = _Heard()
            async with closing(chat.astream(turn)) as told:
                async for event in told:
                    if isinstance(event, RunFinished) and heard.answered and turn.follow_ups:
                        items = await finder.find(turn, heard)
                        if items:
                            yield FollowUps(items=items)
                    heard.add(event)
                    yield event

    return RunnableGenerator(events, name="follow_ups")


@dataclass(slots=True)
class _Heard:
    """What the events of a run said so far."""

    sources: tuple[SourceItem, ...] = ()
    cited: set[int] = field(default_factory=set)
    answered: bool = False
    _text: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """The answer."""
        return self._text

    def add(self, event: Told) -> None:
        """Take in the next event."""
        if isinstance(event, MessageDelta):
            self._text = self._text[: event.offset] + event.text
        elif isinstance(event, Sources):
            self.sources = event.items
        elif isinstance(event, Citation):
            self.cited.add(event.n)
        elif isinstance(event, MessageCompleted):
            self.answered = event.finish_reason in ("stop", "length")


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds questions to try next."""

    passages: OpensPassages
    tokenizer: Tokenizer
    most: int
    deadline: timedelta

    async def find(self, turn: Turn, heard: _Heard) -> tuple[str, ...]:
        """The questions that were found and checked in time."""
        found: list[str] = []
        # What is late or broken is not offered; the answer is there and its run ends well.
        with suppress(Exception):
            async with asyncio.timeout(self.deadline.total_seconds()):
                async with aclosing(self._candidates(turn, heard)) as questions:
                    async for question in questions:
                        if await _passes(turn, question):
                            found.append(question)
                        if len(found) == self.most:
                            break
                        # Layers of this process never wait; the deadline needs a gap.
                        await asyncio.sleep(0)
        return tuple(found)

    async def _candidates(self, turn: Turn, heard: _Heard) -> AsyncGenerator[str, None]:
        """Questions that were not asked before, the most useful first."""
        asked = Asked(self.tokenizer, _asked_before(turn))
        for part in parts_of(turn.question):
            if asked.is_new(part) and asked.is_untouched(part, heard.text):
                yield part
        asked.add(turn.question)
        async with aclosing(self._around(heard)) as views:
            async for view in views:
                heading = view.heading or ""
                if is_askable(heading) and asked.is_new(heading):
                    asked.add(heading)
                    yield question_about(heading, turn.language)

    async def _around(self, heard: _Heard) -> AsyncGenerator[OpenPassage, None]:
        """What stands around what was cited, then what was read as well and not answered with."""
        best = max((source.score for source in heard.sources), default=0.0)
        near = [each for each in heard.sources if each.score >= best * _NEAR_THE_BEST]
        # An answer that cites nothing rests on the best passage, if on any.
        cited = [source for source in near if source.n in heard.cited] or near[:1]
        answered_with = {source.id for source in cited}
        names = [source.id for source in cited]
        opened: set[str] = set()
        while names and len(opened) < _MOST_OPENED:
            name = names.pop(0)
            if name in opened or (view := await self.passages.passage(name)) is None:
                continue
            opened.add(name)
            names.extend(neighbour for neighbour, _ in view.neighbours)
            if name not in answered_with:
                yield view
        for source in near:
            if source.id not in opened:
                view = await self.passages.passage(source.id)
                if view is not None:
                    yield view


def _asked_before(turn: Turn) -> Iterator[str]:
    yield from (exchange.question for exchange in turn.history)
    yield from (message.text for message in turn.preamble if message.role is Role.USER)


async def _passes(turn: Turn, question: str) -> bool:
    decision = await turn.pinned_rails.check_input(
        (Message(Role.USER, question),), strictness=turn.strictness, layers=_LOCAL
    )
    clean = all(verdict.outcome is Outcome.PASS for verdict in decision.verdicts)
    return clean and decision.outcome is Outcome.PASS
