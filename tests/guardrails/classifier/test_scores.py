from dataclasses import replace

import pytest

from guardrails.classifier.scores import Bounds, Reading, Scores, Thresholds, decide

EN = Bounds(0.1, 0.9, 0.2, 0.8, 0.5)
THRESHOLDS = Thresholds(en=EN, zh=replace(EN, clear_below=0.01, violation_above=0.5))
QUIET = Scores(
    harm=0.0, jailbreak=0.0, groups={"no-crime": 0.7, "privacy": 0.3}, gates=(), stage="linear"
)


@pytest.mark.parametrize(
    ("harm", "reading"),
    [
        (0.0, Reading.CLEAR),
        (0.0999, Reading.CLEAR),
        (0.1, Reading.UNSURE),
        (0.8999, Reading.UNSURE),
        (0.9, Reading.VIOLATION),
        (1.0, Reading.VIOLATION),
    ],
)
def test_harm_has_three_outcomes(harm: float, reading: Reading) -> None:
    """A bound belongs to the more careful side."""
    assert decide(replace(QUIET, harm=harm), THRESHOLDS).reading is reading


def test_a_violation_names_the_likeliest_principle() -> None:
    """The group with the highest probability is named; a clear text names none."""
    assert decide(replace(QUIET, harm=0.95), THRESHOLDS).principle == "no-crime"
    assert decide(QUIET, THRESHOLDS).principle is None


@pytest.mark.parametrize(
    ("jailbreak", "reading"),
    [(0.1999, Reading.CLEAR), (0.2, Reading.UNSURE), (0.8, Reading.VIOLATION)],
)
def test_a_jailbreak_concerns_integrity(jailbreak: float, reading: Reading) -> None:
    """The jailbreak score decides alone and always names integrity."""
    found = decide(replace(QUIET, jailbreak=jailbreak), THRESHOLDS)
    assert found.reading is reading
    assert found.principle == (None if reading is Reading.CLEAR else "integrity")


def test_a_gate_forbids_clear() -> None:
    """However low the scores, a gated text is unsure, and the gate is the reason."""
    found = decide(replace(QUIET, gates=("language", "length")), THRESHOLDS)
    assert (found.reading, found.reason, found.principle) == (Reading.UNSURE, "language", None)


def test_a_gate_does_not_weaken_a_violation() -> None:
    """A text that is surely harmful stays a violation in any disguise."""
    found = decide(replace(QUIET, harm=0.95, gates=("machine_made",)), THRESHOLDS)
    assert found.reading is Reading.VIOLATION


def test_chinese_has_its_own_bounds() -> None:
    """The same score reads differently in the two languages."""
    scores = replace(QUIET, harm=0.05)
    assert decide(scores, THRESHOLDS).reading is Reading.CLEAR
    assert decide(replace(scores, language="zh"), THRESHOLDS).reading is Reading.UNSURE
    assert decide(replace(QUIET, harm=0.5, language="zh"), THRESHOLDS).reading is Reading.VIOLATION


@pytest.mark.parametrize(
    "change",
    [
        {"clear_below": -0.1},
        {"instruction": 1.2},
        {"clear_below": 0.95},
        {"jailbreak_clear_below": 0.85},
    ],
)
def test_impossible_bounds_are_refused(change: dict[str, float]) -> None:
    """Values outside 0 to 1, or bounds in the wrong order, do not load."""
    with pytest.raises(ValueError, match=r"not a probability|lies above"):
        replace(EN, **change)


def test_a_violation_can_be_switched_off() -> None:
    """A bound just above 1 is never reached."""
    off = Thresholds(en=replace(EN, violation_above=1.01), zh=EN)
    assert decide(replace(QUIET, harm=1.0), off).reading is Reading.UNSURE


def test_thresholds_come_from_a_record() -> None:
    """The JSON form holds both languages; a wrong key is named."""
    record = {
        "clear_below": 0.1,
        "violation_above": 0.9,
        "jailbreak_clear_below": 0.2,
        "jailbreak_violation_above": 0.8,
        "instruction": 0.5,
    }
    assert Thresholds.parse({"en": record, "zh": record}) == Thresholds(en=EN, zh=EN)
    with pytest.raises(ValueError, match="clear_bellow"):
        Thresholds.parse({"en": record, "zh": {**record, "clear_bellow": 0.1}})
    with pytest.raises(ValueError, match="zh"):
        Thresholds.parse({"en": record})
