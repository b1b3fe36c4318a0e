import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chains.errors import ModelInterruptedError, ModelUnavailableError
from chains.events import (
    Citation,
    GuardBlocked,
    GuardModified,
    MessageCompleted,
    MessageDelta,
    QuestionMasked,
    ReasoningDelta,
    RunFinished,
    RunStarted,
    Sources,
    Status,
    Told,
    Trace,
    UsageReport,
)
from chains.rails import ModelIdentity, guarded
from chains.sources import announced
from chains.streams import closing
from chains.turn import Answering, Completed, Piece, Reasoning, Rung, Text, Turn, Usage
from guardrails.verdict import Stage
from tests.fakes.scripted_pieces import ScriptedPieces
from tests.fakes.scripted_rails import ScriptedRails
from tests.fakes.turns import passage

END = Completed("stop", Usage(10, 5, 0.001))


class PlainMarks:
    """Marks that find nothing."""

    def feed(self, text: str) -> tuple[str, tuple[Citation, ...]]:
        return text, ()

    def flush(self) -> tuple[str, tuple[Citation, ...]]:
        return "", ()

    def position(self, fed: int) -> int:
        return fed


async def events_of(model: ScriptedPieces, turn: Turn, *, queue_pieces: int = 16) -> list[Told]:
    stage = guarded(
        announced(model.runnable()),
        model=ModelIdentity("qwen", demo=False),
        marks=lambda _: PlainMarks(),
        queue_pieces=queue_pieces,
    )
    return [event async for event in stage.astream(turn)]


def text_of(events: Sequence[Told]) -> str:
    return "".join(event.text for event in events if isinstance(event, MessageDelta))


async def test_an_answer_is_told_from_start_to_finish(turn: Turn) -> None:
    """A passing turn starts, shows its sources, its text and its usage, and finishes last."""
    model = ScriptedPieces([Answering(Rung.PRIMARY, "qwen"), Text("One. "), Text("Two."), END])

    events = await events_of(model, replace(turn, passages=(passage(1, "A fact."),)))

    assert isinstance(events[0], RunStarted)
    assert text_of(events) == "One. Two."
    (sources,) = [event for event in events if isinstance(event, Sources)]
    assert [(item.n, item.id) for item in sources.items] == [(1, "p1")]
    assert MessageCompleted(finish_reason="stop", length=9) in events
    usage = events[-2]
    assert isinstance(usage, UsageReport)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd) == (10, 5, 0.001)
    assert usage.ttft_ms is not None
    assert events[-1] == RunFinished(status="completed")


async def test_the_rails_learn_what_may_be_cited(turn: Turn) -> None:
    """Claims can be held against the passages the answer was given."""
    rails = ScriptedRails()
    passages = (passage(1, "A fact."),)

    await events_of(
        ScriptedPieces([Text("Yes."), END]), replace(turn, rails=rails, passages=passages)
    )

    assert rails.cited == list(passages)


async def test_remarks_of_the_rails_are_told_once(turn: Turn) -> None:
    """What every check remarks, such as that the judge is missing, stands once in the usage."""
    rails = ScriptedRails(notes=("judge_missing",))

    events = await events_of(ScriptedPieces([Text("Yes."), END]), replace(turn, rails=rails))

    (usage,) = [event for event in events if isinstance(event, UsageReport)]
    assert usage.notes == ("judge_missing",)


async def test_nothing_is_released_before_the_input_verdict(turn: Turn) -> None:
    """A model that is faster than the rails runs ahead of them, and its words wait."""
    turn = replace(turn, rails=ScriptedRails(delay=0.05))
    model = ScriptedPieces([Text("Fast."), END])
    stage = guarded(
        model.runnable(),
        model=ModelIdentity("qwen", demo=False),
        marks=lambda _: PlainMarks(),
        queue_pieces=16,
    )
    given_at_first_delta = 0

    async with closing(stage.astream(turn)) as events:
        async for event in events:
            if isinstance(event, Status) and event.phase == "checking_input":
                await asyncio.sleep(0.02)
                assert model.given == 0, "the stream has not been asked for more yet"
            if isinstance(event, MessageDelta):
                given_at_first_delta = model.given
                break

    assert given_at_first_delta == 2


async def test_a_blocked_question_stops_the_model_at_once(turn: Turn) -> None:
    """The person learns the principle; no text, no source and no usage of theirs escapes."""
    turn = replace(turn, rails=ScriptedRails(block="Covenant", stages=(Stage.INPUT,)))
    model = ScriptedPieces([Text("word ")] * 1000, delay=0.001)

    events = await events_of(model, replace(turn, passages=(passage(1, "x"),)))

    (blocked,) = [event for event in events if isinstance(event, GuardBlocked)]
    assert blocked.stage == "input"
    assert not any(isinstance(event, MessageDelta | Sources) for event in events)
    assert MessageCompleted(finish_reason="blocked", length=0) in events
    assert events[-1] == RunFinished(status="blocked")
    assert model.closed == len(model.asked)
    assert model.given < 10


async def test_a_blocked_window_never_reaches_the_reader(turn: Turn) -> None:
    """What was checked before stays; the violating window and all after it are not shown."""
    rails = ScriptedRails(block="poison", stages=(Stage.OUTPUT,))
    model = ScriptedPieces([Text("Fine. "), Text("Take poison. "), *[Text("More. ")] * 500, END])

    events = await events_of(model, replace(turn, rails=rails), queue_pieces=1)

    assert text_of(events) == "Fine. "
    (blocked,) = [event for event in events if isinstance(event, GuardBlocked)]
    assert (blocked.stage, blocked.retract_from) == ("output", None)
    assert MessageCompleted(finish_reason="blocked", length=6) in events
    assert model.given < 10
    assert model.closed == 1


async def test_the_verdict_on_the_whole_answer_is_honoured(turn: Turn) -> None:
    """An answer that is wrong only as a whole is withdrawn from its beginning."""
    rails = ScriptedRails(block_whole="part one. part two.")
    model = ScriptedPieces([Text("part one. "), Text("part two."), END])

    events = await events_of(model, replace(turn, rails=rails))

    (blocked,) = [event for event in events if isinstance(event, GuardBlocked)]
    assert blocked.retract_from == 0
    assert MessageCompleted(finish_reason="blocked", length=0) in events


async def test_a_rail_that_fails_is_told_as_a_fault(turn: Turn) -> None:
    """A failing rail stops the answer and says that it was a fault, not a verdict."""
    rails = ScriptedRails(fail="x", stages=(Stage.OUTPUT,))

    events = await events_of(ScriptedPieces([Text("x"), END]), replace(turn, rails=rails))

    (blocked,) = [event for event in events if isinstance(event, GuardBlocked)]
    assert blocked.failed
    assert text_of(events) == ""


async def test_a_masked_window_is_released_masked(turn: Turn) -> None:
    """The reader sees the masked text, where it was masked and under which principle."""
    rails = ScriptedRails(mask="me@x.org", stages=(Stage.OUTPUT,))

    events = await events_of(
        ScriptedPieces([Text("Mail me@x.org."), END]), replace(turn, rails=rails)
    )

    assert text_of(events) == "Mail [masked]."
    (edit,) = [event for event in events if isinstance(event, GuardModified)]
    assert (edit.start, edit.end, edit.kind, edit.principle_id) == (5, 13, "email", "privacy")


async def test_a_masked_question_is_what_the_model_reads(turn: Turn) -> None:
    """A question that is masked is asked again in its masked form, and only that is answered."""
    rails = ScriptedRails(mask="Covenant", stages=(Stage.INPUT,))
    model = ScriptedPieces([Text("Answer."), END])

    events = await events_of(model, replace(turn, rails=rails))

    assert model.asked[-1].question == "What is [masked]?"
    assert text_of(events) == "Answer."
    assert [event.stage for event in events if isinstance(event, GuardModified)] == ["input"]


async def test_the_caller_learns_what_was_really_asked(turn: Turn) -> None:
    """The masked question is told once, after its edits, in words no repr shows."""
    rails = ScriptedRails(mask="Covenant", stages=(Stage.INPUT,))

    events = await events_of(ScriptedPieces([Text("Yes."), END]), replace(turn, rails=rails))
    untouched = await events_of(ScriptedPieces([Text("Yes."), END]), turn)

    at = events.index(QuestionMasked("What is [masked]?"))
    assert isinstance(events[at - 1], GuardModified)
    assert repr(events[at]) == "QuestionMasked()"
    assert not any(isinstance(event, QuestionMasked) for event in untouched)


async def test_reasoning_is_checked_and_shown_only_when_asked(turn: Turn) -> None:
    """Reasoning reaches only those who asked; a block in it stops the answer for everybody."""
    model = ScriptedPieces([Reasoning("Let me think."), Text("Yes."), END])

    shown = await events_of(model, replace(turn, thinking=True))
    hidden = await events_of(model, turn)
    stopped = await events_of(
        ScriptedPieces([Reasoning("poison"), Text("Yes."), END]),
        replace(turn, rails=ScriptedRails(block="poison")),
    )

    assert ReasoningDelta(text="Let me think.") in shown
    assert not any(isinstance(event, ReasoningDelta) for event in hidden)
    assert text_of(hidden) == "Yes."
    assert stopped[-1] == RunFinished(status="blocked")


async def test_a_lower_rung_is_named(turn: Turn) -> None:
    """A degraded answer says which rung it came from."""
    model = ScriptedPieces([Answering(Rung.EXTRACTIVE, "none"), Text("Quoted."), END])

    assert Status(phase="degraded", reason="extractive") in await events_of(model, turn)


async def test_an_interrupted_answer_is_named_as_cut_off(turn: Turn) -> None:
    """What was shown stays, it completes with `error`, and the failure reaches the caller."""
    model = ScriptedPieces([Text("Half an ans")], ModelInterruptedError("cut"))
    seen: list[Told] = []
    stage = guarded(
        model.runnable(),
        model=ModelIdentity("qwen", demo=False),
        marks=lambda _: PlainMarks(),
        queue_pieces=4,
    )

    with pytest.raises(ModelInterruptedError):
        async for event in stage.astream(turn):
            seen.append(event)  # noqa: PERF401 - what was seen before the error counts

    assert text_of(seen) == "Half an ans"
    assert MessageCompleted(finish_reason="error", length=11) in seen
    assert isinstance(seen[-1], UsageReport)


async def test_no_answer_at_all_is_the_callers_error(turn: Turn) -> None:
    """When no rung could answer, the error is raised and nothing pretends to be an answer."""
    with pytest.raises(ModelUnavailableError):
        await events_of(ScriptedPieces([], ModelUnavailableError("down")), turn)


async def test_slow_rails_check_fewer_longer_windows(turn: Turn) -> None:
    """Windows that waited for the rails are checked together, and no text is lost."""
    rails = ScriptedRails(delay=0.01)
    pieces: list[Piece] = [Text(f"{n}. ") for n in range(12)]

    events = await events_of(ScriptedPieces([*pieces, END]), replace(turn, rails=rails))

    assert text_of(events) == "".join(f"{n}. " for n in range(12))
    assert len(rails.windows) < 12


async def test_a_trace_is_only_for_those_who_asked(turn: Turn) -> None:
    """Each check is traced for staff, and for nobody else."""
    model = ScriptedPieces([Text("Yes."), END])

    traced = await events_of(model, replace(turn, trace=True))

    assert [event.stage for event in traced if isinstance(event, Trace)] == [
        "input",
        "output",
        "output",
    ]
    assert not any(isinstance(event, Trace) for event in await events_of(model, turn))


async def test_a_reader_that_leaves_stops_the_model(turn: Turn) -> None:
    """Closing the events closes the model's stream."""
    model = ScriptedPieces([Text("word. ")] * 1000, delay=0.001)
    stage = guarded(
        model.runnable(),
        model=ModelIdentity("qwen", demo=False),
        marks=lambda _: PlainMarks(),
        queue_pieces=2,
    )

    async with closing(stage.astream(turn)) as events:
        async for event in events:
            if isinstance(event, MessageDelta):
                break

    assert model.closed == 1
    assert model.given < 20
