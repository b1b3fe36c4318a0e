"""What a policy makes of verdicts."""

import pytest

from guardrails.combine import Combiner, Doubt
from guardrails.policy import Policy
from guardrails.verdict import Layer, Outcome, Stage, Strictness, Verdict

SURE = Doubt(needed=False)
BALANCED, STRICT, MONITOR, OFF = (
    Strictness.BALANCED,
    Strictness.STRICT,
    Strictness.MONITOR,
    Strictness.OFF,
)


@pytest.fixture
def combiner(small_policy: Policy) -> Combiner:
    """Rules for the small policy."""
    return Combiner(small_policy)


def found(principle: str | None, layer: Layer = Layer.RULES, score: float = 1.0) -> Verdict:
    return Verdict(layer, "r", Outcome.BLOCK, principle=principle, score=score)


FAULT = Verdict(Layer.JUDGE, "judge", Outcome.ERROR, rule="timeout")
CRASH = Verdict(Layer.RULES, "r", Outcome.ERROR, rule="failed")


def test_the_most_severe_violation_is_reported(combiner: Combiner) -> None:
    """Of equal ones, the one that stands first in the constitution."""
    verdicts = [found("no-crime"), found("self-harm-care"), found("no-weapons")]
    ruling = combiner.rule(Stage.INPUT, BALANCED, verdicts, SURE)
    assert ruling.block is not None
    assert ruling.block.principle == "no-weapons"


def test_what_stops_comes_before_what_changes(combiner: Combiner) -> None:
    """A less severe principle that blocks is not outvoted by one that only notes."""
    verdicts = [found("honesty"), found("no-professional-harm"), found("no-crime")]
    ruling = combiner.rule(Stage.OUTPUT, BALANCED, verdicts, SURE)
    assert ruling.block is not None
    assert ruling.block.principle == "no-crime"
    assert ruling.revise is not None
    assert [v.principle for v in ruling.annotate] == ["honesty"]


@pytest.mark.parametrize(
    ("principle", "stage", "action"),
    [
        ("no-crime", Stage.INPUT, "block"),
        ("self-harm-care", Stage.INPUT, "replace"),
        ("privacy", Stage.INPUT, "block"),
        ("no-professional-harm", Stage.OUTPUT, "revise"),
        ("no-professional-harm", Stage.INPUT, "block"),
        ("honesty", Stage.OUTPUT, "annotate"),
        ("honesty", Stage.INPUT, "log"),
        ("noted", Stage.INPUT, "log"),
        (None, Stage.INPUT, "block"),
    ],
)
def test_an_action_is_what_can_be_done_there(
    combiner: Combiner, principle: str | None, stage: Stage, action: str
) -> None:
    """Nothing can be revised in a question, and nothing masked without a span."""
    assert combiner.action_of(stage, found(principle)).value == action


def test_log_records_and_lets_pass(combiner: Combiner) -> None:
    """A principle on trial stops nobody."""
    assert not combiner.rule(Stage.INPUT, BALANCED, [found("noted")], SURE).stops


@pytest.mark.parametrize(
    ("strictness", "principle", "stops"),
    [
        (OFF, "no-crime", False),
        (MONITOR, "no-crime", False),
        (BALANCED, "no-crime", True),
        (STRICT, "no-crime", True),
        (OFF, "no-weapons", True),
        (MONITOR, "no-weapons", True),
        (MONITOR, None, False),
        (BALANCED, None, True),
    ],
)
def test_monitor_records_and_critical_principles_stay(
    combiner: Combiner, strictness: Strictness, principle: str | None, stops: object
) -> None:
    """Nobody lowers a principle below its min_strictness; what is not enforced is recorded."""
    ruling = combiner.rule(Stage.INPUT, strictness, [found(principle)], SURE)
    assert ruling.stops is stops
    assert (ruling.recorded is not None) is not stops


@pytest.mark.parametrize(
    ("strictness", "score", "outcome", "stops"),
    [
        (BALANCED, 0.5, Outcome.BLOCK, False),
        (BALANCED, 0.7, Outcome.BLOCK, True),
        (STRICT, 0.4, Outcome.BLOCK, True),
        (STRICT, 0.2, Outcome.BLOCK, False),
        (BALANCED, 0.5, Outcome.UNSURE, False),
        (STRICT, 0.5, Outcome.UNSURE, True),
    ],
)
def test_the_judges_confidence_counts_by_strictness(
    combiner: Combiner, strictness: Strictness, score: float, outcome: Outcome, stops: object
) -> None:
    """Weak findings and Controversial go to a review sample in balanced, and block in strict."""
    verdict = Verdict(Layer.JUDGE, "j", outcome, principle="no-crime", score=score)
    ruling = combiner.rule(Stage.INPUT, strictness, [verdict], SURE)
    assert ruling.stops is stops
    assert "review" in ruling.notes


@pytest.mark.parametrize(
    ("strictness", "doubt", "failed"),
    [
        (BALANCED, SURE, False),
        (BALANCED, Doubt(needed=True), True),
        (BALANCED, Doubt(needed=True, principle="no-crime"), True),
        (BALANCED, Doubt(needed=True, principle="open-minded"), False),
        (STRICT, Doubt(needed=True), True),
        (STRICT, Doubt(needed=True, principle="open-minded"), True),
        (MONITOR, Doubt(needed=True, principle="no-crime"), False),
        (MONITOR, Doubt(needed=True, principle="no-weapons"), True),
        (MONITOR, Doubt(needed=True), False),
        (BALANCED, Doubt(needed=True, limited=True), False),
    ],
)
def test_a_judge_that_fails_closes_what_was_unsure(
    combiner: Combiner, strictness: Strictness, doubt: Doubt, failed: object
) -> None:
    """By the doubted principle's on_error; strict closes everything."""
    ruling = combiner.rule(Stage.INPUT, strictness, [FAULT], doubt)
    assert ruling.failed is failed
    assert "judge_failed" in ruling.notes


def test_monitor_records_a_fault(combiner: Combiner) -> None:
    """What would have been stopped is known afterwards."""
    ruling = combiner.rule(Stage.INPUT, MONITOR, [FAULT], Doubt(needed=True))
    assert ruling.recorded_fault


@pytest.mark.parametrize("strictness", list(Strictness))
def test_a_local_layer_that_crashes_always_closes(
    combiner: Combiner, strictness: Strictness
) -> None:
    """Critical principles are enforced at every strictness, and nobody looked for them."""
    assert combiner.rule(Stage.INPUT, strictness, [CRASH], SURE).failed


def test_no_judge_at_all_is_noted_and_closes_in_strict_only(combiner: Combiner) -> None:
    """In balanced the local layers decide alone, and the answer says so."""
    doubt = Doubt(needed=True, missing=True)
    balanced = combiner.rule(Stage.INPUT, BALANCED, [], doubt)
    strict = combiner.rule(Stage.INPUT, STRICT, [], doubt)
    assert (balanced.stops, balanced.notes) == (False, ("judge_missing",))
    assert (strict.failed, strict.notes) == (True, ("judge_missing",))


def test_a_check_limited_to_local_layers_may_be_unsure(combiner: Combiner) -> None:
    """It says so instead of guessing."""
    doubt = Doubt(needed=True, limited=True, missing=True)
    ruling = combiner.rule(Stage.INPUT, BALANCED, [], doubt)
    assert (ruling.unsure, ruling.stops, ruling.notes) == (True, False, ())


def test_a_violation_is_no_fault(combiner: Combiner) -> None:
    """Where something was found, that is what is told."""
    ruling = combiner.rule(Stage.INPUT, STRICT, [found("no-crime"), FAULT], Doubt(needed=True))
    assert ruling.block is not None
    assert not ruling.failed
