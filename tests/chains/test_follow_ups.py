import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.runnables import RunnableGenerator

from chains.errors import ModelInterruptedError
from chains.events import (
    Citation,
    FollowUps,
    GuardBlocked,
    MessageCompleted,
    MessageDelta,
    Replacement,
    RunFinished,
    SourceItem,
    Sources,
    Told,
)
from chains.follow_ups import with_follow_ups
from chains.streams import closing
from chains.turn import Exchange, Turn
from guardrails.dialogue import Message, Role
from guardrails.verdict import Layer, Stage
from tests.fakes.scripted_rails import ScriptedRails

SECOND = timedelta(seconds=1)


@dataclass
class View:
    heading: str | None
    neighbours: Sequence[tuple[str, str]] = ()


@dataclass
class Guide:
    """A document of sections, in their order."""

    headings: Sequence[str | None]
    delay: float = 0.0
    error: Exception | None = None
    opened: list[str] = field(default_factory=list)

    async def passage(self, passage_id: str, /) -> View | None:
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        self.opened.append(passage_id)
        n = int(passage_id)
        if n >= len(self.headings):
            return None
        near = [each for each in (n - 1, n + 1) if 0 <= each < len(self.headings)]
        return View(self.headings[n], [(str(each), "text") for each in near])


GUIDE = Guide(("Getting started", "How search works", "Rate limits", "Keep the index fresh"))


def source(n: int, passage_id: str, score: float = 0.9) -> SourceItem:
    return SourceItem(n=n, id=passage_id, title="Guide", snippet="x", score=score)


def answered(*sources: SourceItem, cite: int | None = 1, text: str = "So it is.") -> list[Told]:
    cited = [Citation(n=cite, source_id="0", start=0, end=2)] if cite else []
    return [
        Sources(items=sources),
        MessageDelta(text=text, offset=0),
        *cited,
        MessageCompleted(finish_reason="stop", length=len(text)),
        RunFinished(status="completed"),
    ]


async def told(
    turn: Turn,
    script: Sequence[Told | Exception],
    guide: Guide = GUIDE,
    *,
    most: int = 3,
    deadline: timedelta = SECOND,
) -> list[Told]:
    async def chat(turns: AsyncIterator[Turn]) -> AsyncIterator[Told]:
        async for _ in turns:
            for event in script:
                if isinstance(event, Exception):
                    raise event
                yield event

    stage = with_follow_ups(RunnableGenerator(chat), guide, most=most, deadline=deadline)
    return [event async for event in stage.astream(turn)]


def offered(events: Sequence[Told]) -> tuple[str, ...]:
    items = [event.items for event in events if isinstance(event, FollowUps)]
    return items[0] if items else ()


def exchange(question: str) -> Exchange:
    return Exchange("m", question, "Yes.", "stop", datetime(2026, 1, 1, tzinfo=UTC))


async def test_questions_come_from_what_stands_around_the_cited_passage(turn: Turn) -> None:
    """The sections beside the cited one become questions, nearest first, before the last event."""
    script = answered(source(1, "1"))

    events = await told(turn, script)

    assert offered(events) == (
        "What should I know about “Getting started”?",
        "What should I know about “Rate limits”?",
        "How do I keep the index fresh?",
    )
    assert [*events[:-2], events[-1]] == script
    assert isinstance(events[-2], FollowUps)


async def test_what_was_read_and_not_cited_is_offered_if_it_is_close(turn: Turn) -> None:
    """A passage the answer left out is an aspect to ask about, unless it fitted far less."""
    guide = Guide(("Citations",) + (None,) * 12 + ("Rate limits", "Far away"))
    script = answered(source(1, "0"), source(2, "13", 0.8), source(3, "14", 0.2))

    assert offered(await told(turn, script, guide)) == ("What should I know about “Rate limits”?",)


async def test_without_a_citation_the_best_passage_counts_as_the_answers(turn: Turn) -> None:
    """The heading the answer must rest on is not offered, what stands beside it is."""
    script = answered(source(1, "0"), cite=None)

    assert offered(await told(turn, script, most=1)) == ("Can you explain how search works?",)


async def test_a_part_of_the_question_that_was_passed_over_comes_first(turn: Turn) -> None:
    """Of several questions in one message, those the answer does not touch are offered again."""
    turn = replace(turn, question="How does search work? And what does hosting cost?")

    script = answered(source(1, "1"), text="The search ranks by words and works well.")

    assert offered(await told(turn, script))[0] == "And what does hosting cost?"


async def test_nothing_is_offered_that_was_asked_before(turn: Turn) -> None:
    """Neither this question, nor earlier ones, nor what an OpenAI client says was asked."""
    turn = replace(
        turn,
        question="How does search work?",
        history=(exchange("Which rate limits are there?"),),
        preamble=(Message(Role.USER, "How do I get started?"), Message(Role.SYSTEM, "Fresh index")),
    )
    guide = Guide(("Citations", *GUIDE.headings))

    script = answered(source(1, "0"))

    assert offered(await told(turn, script, guide)) == ("How do I keep the index fresh?",)


async def test_only_clean_passes_are_offered(turn: Turn) -> None:
    """A question that the rails stop, mask or cannot decide on is dropped; others stay."""
    for stopped in ({"block": "limits"}, {"mask": "limits"}, {"fail": "limits"}):
        rails = ScriptedRails(**stopped, stages=(Stage.INPUT,))  # type: ignore[arg-type]  # one of its own fields

        events = await told(replace(turn, rails=rails), answered(source(1, "1")))

        assert len(offered(events)) == 2
        assert "limits" not in str(offered(events))
        assert rails.layers == [(Layer.RULES, Layer.CLASSIFIER)] * 3


async def test_the_persons_language_is_spoken(turn: Turn) -> None:
    """A Chinese person gets Chinese questions, with headings of other languages quoted."""
    turn = replace(turn, question="怎么开始？", language="zh")
    guide = Guide(("引用", "检索是如何工作的", "Rate limits"))

    assert offered(await told(turn, answered(source(1, "0")), guide)) == (
        "检索是如何工作的？",
        "“Rate limits”是怎样的？",
    )


@pytest.mark.parametrize("status", ["blocked", "stopped", "failed"])
async def test_runs_that_were_not_answered_get_none(turn: Turn, status: str) -> None:
    """After a block, a stop or a cut answer nothing is offered."""
    script: list[Told] = [
        *answered(source(1, "1"))[:-2],
        MessageCompleted.model_validate(
            {"finish_reason": "error" if status == "failed" else status, "length": 0}
        ),
        RunFinished.model_validate({"status": status}),
    ]
    if status == "blocked":
        script.insert(
            0,
            GuardBlocked(
                stage="output",
                principle=None,
                decision_id="d",
                appealable=False,
                replacement=Replacement(text="No.", lang="en"),
            ),
        )

    assert await told(turn, script) == script


async def test_a_failing_chain_fails_as_before(turn: Turn) -> None:
    """The chain's own error reaches the caller."""
    with pytest.raises(ModelInterruptedError):
        await told(turn, [ModelInterruptedError("cut")])


async def test_slow_documents_do_not_hold_the_run_up(turn: Turn) -> None:
    """At the deadline the run ends with what was found by then, here nothing."""
    script = answered(source(1, "1"))
    slow = Guide(GUIDE.headings, delay=5)

    async with asyncio.timeout(1):
        events = await told(turn, script, slow, deadline=timedelta(milliseconds=20))

    assert events == script


async def test_slow_rails_do_not_hold_the_run_up(turn: Turn) -> None:
    """What passed before the deadline is offered; the rest is not waited for."""
    rails = ScriptedRails(delay=0.05)

    events = await told(
        replace(turn, rails=rails),
        answered(source(1, "1")),
        deadline=timedelta(milliseconds=90),
    )

    assert len(offered(events)) == 1


async def test_broken_documents_are_no_fault_of_the_answer(turn: Turn) -> None:
    """When the documents cannot be opened, the run completes without questions."""
    script = answered(source(1, "1"))

    assert await told(turn, script, Guide((), error=OSError("disk"))) == script
    assert await told(turn, script, Guide(())) == script


async def test_nobody_is_asked_where_nobody_reads_them(turn: Turn) -> None:
    """A turn that wants none, or a setting of 0, opens no passage."""
    guide = Guide(GUIDE.headings)
    script = answered(source(1, "1"))

    assert await told(replace(turn, follow_ups=False), script, guide) == script
    assert await told(turn, script, guide, most=0) == script
    assert guide.opened == []


async def test_a_reader_that_leaves_closes_the_chain(turn: Turn) -> None:
    """Closing the events closes what tells them."""
    closed = 0

    async def chat(turns: AsyncIterator[Turn]) -> AsyncIterator[Told]:
        nonlocal closed
        try:
            async for _ in turns:
                for n in range(100):
                    yield MessageDelta(text="x", offset=n)
        finally:
            closed += 1

    stage = with_follow_ups(RunnableGenerator(chat), GUIDE, most=3, deadline=SECOND)
    async with closing(stage.astream(turn)) as events:
        async for _ in events:
            break

    assert closed == 1


async def test_a_revised_answer_replaces_what_was_said(turn: Turn) -> None:
    """What was withdrawn does not count as an answer to a part of the question."""
    turn = replace(turn, question="What does hosting cost? Which colours are there?")
    script = [
        MessageDelta(text="Hosting costs nothing.", offset=0),
        MessageDelta(text="The colours are many.", offset=0),
        *answered()[3:],
    ]

    assert offered(await told(turn, script)) == ("What does hosting cost?",)
