from dataclasses import replace

from chains.events import Citation, GuardModified, MessageDelta
from chains.release import Release, modified, traces
from chains.turn import Turn
from guardrails.verdict import Edit, Outcome, Stage
from tests.fakes.scripted_rails import decision


class HoldsBackBrackets:
    """Marks that hold back an open bracket and drop `[9]`, as a citation finder does."""

    def __init__(self) -> None:
        self.pending = ""
        self.fed = 0
        self.dropped: list[tuple[int, int]] = []

    def feed(self, text: str) -> tuple[str, tuple[Citation, ...]]:
        text, self.pending = self.pending + text, ""
        if text.endswith("["):
            text, self.pending = text[:-1], "["
        start = self.fed
        self.fed += len(text)
        if "[9]" in text:
            self.dropped.append((start + text.index("[9]"), 3))
            text = text.replace("[9]", "")
        citations = (Citation(n=1, source_id="p1", start=0, end=3),) if "[1]" in text else ()
        return text, citations

    def flush(self) -> tuple[str, tuple[Citation, ...]]:
        rest, self.pending = self.pending, ""
        return rest, ()

    def position(self, fed: int) -> int:
        return fed - sum(length for at, length in self.dropped if at < fed)


PASS = decision(Stage.OUTPUT, Outcome.PASS)


def test_offsets_continue_over_windows(turn: Turn) -> None:
    """Each delta begins where the one before it ended, though text was held back between."""
    release = Release(turn, HoldsBackBrackets)

    events = [
        *release.window("One.[", PASS),
        *release.window("1] Two.", PASS),
        *release.window("[", PASS),
        *release.rest(),
    ]

    assert [event for event in events if isinstance(event, MessageDelta)] == [
        MessageDelta(text="One.", offset=0),
        MessageDelta(text="[1] Two.", offset=4),
        MessageDelta(text="[", offset=12),
    ]
    assert release.length == 13


def test_citations_follow_the_text_they_are_about(turn: Turn) -> None:
    """A citation is told after the delta that completes it."""
    events = list(Release(turn, HoldsBackBrackets).window("One [1].", PASS))

    assert [type(event) for event in events] == [MessageDelta, Citation]


def test_an_edits_position_is_where_people_see_it(turn: Turn) -> None:
    """Marks that were dropped before an edit move its position."""
    release = Release(turn, HoldsBackBrackets)
    list(release.window("Hello.[9] ", PASS))
    masked = decision(
        Stage.OUTPUT,
        Outcome.MODIFY,
        text="Ask [masked].",
        edits=(Edit(4, 12, "[masked]", "email", "privacy"),),
    )

    events = list(release.window("Ask me@x.org.", masked))

    assert events == [
        MessageDelta(text="Ask [masked].", offset=7),
        GuardModified(stage="output", start=11, end=19, kind="email", principle_id="privacy"),
    ]


def test_a_block_speaks_the_persons_language(turn: Turn) -> None:
    """The principle, the replacement and the alternatives come from the policy's texts."""
    release = Release(turn, HoldsBackBrackets)
    block = decision(Stage.INPUT, Outcome.BLOCK, principle="no-weapons")

    event = release.blocked(block, retract=False)

    assert event.principle is not None
    assert event.principle.title == "en title"
    assert event.replacement.text == "en refusal"
    assert event.alternatives == ("en alternative",)
    assert event.appealable
    assert event.retract_from is None


def test_a_fault_offers_no_appeal(turn: Turn) -> None:
    """A rail that could not decide names no principle, and there is nothing to appeal."""
    fault = decision(Stage.OUTPUT, Outcome.BLOCK, failed=True)

    event = Release(turn, HoldsBackBrackets).blocked(fault, retract=False)

    assert event.failed
    assert event.principle is None
    assert not event.appealable


def test_a_retraction_withdraws_everything_shown(turn: Turn) -> None:
    """Retracting sets the answer's length back to nothing."""
    release = Release(turn, HoldsBackBrackets)
    list(release.window("Shown.", PASS))

    event = release.blocked(
        decision(Stage.OUTPUT, Outcome.BLOCK, principle="no-crime"), retract=True
    )

    assert event.retract_from == 0
    assert release.length == 0


def test_a_revised_answer_begins_again(turn: Turn) -> None:
    """A text that stands for the whole answer is released from offset 0."""
    release = Release(turn, HoldsBackBrackets)
    list(release.window("First words. ", PASS))
    revised = replace(decision(Stage.OUTPUT, Outcome.MODIFY, text="Better words."), whole=True)

    events = list(release.window("", revised))

    assert events == [MessageDelta(text="Better words.", offset=0)]
    assert release.length == 13


def test_a_decision_without_edits_modifies_nothing() -> None:
    """Only edits are told of."""
    assert not list(modified(PASS))


def test_a_trace_holds_every_verdict() -> None:
    """Engineers see each rail, its layer and outcome, under the decision's id."""
    (trace,) = traces(decision(Stage.INPUT, Outcome.BLOCK, principle="no-weapons"))

    assert (trace.decision_id, trace.rail, trace.layer, trace.outcome, trace.principle_id) == (
        "dec_1",
        "constitution check input",
        "rules",
        "block",
        "no-weapons",
    )
