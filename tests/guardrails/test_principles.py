"""Principles as data."""

from typing import Any

import pytest
from pydantic import ValidationError

from guardrails.principles import Constitution, Example, Principle
from guardrails.verdict import Layer, Stage, Strictness
from tests.fakes.small_policy import WORDS, principle


def made(**changes: Any) -> Principle:
    return Principle.model_validate(principle("no-weapons", **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"severity": "critical"}, "min_strictness balanced or strict"),
        (
            {"severity": "critical", "min_strictness": "strict", "on_error": "open"},
            "on_error closed",
        ),
        ({"critique": WORDS["critique"]}, "belong together"),
        ({"on_violation": "revise"}, "needs critique and revision"),
        ({"on_violation": "annotate", "applies_to": ["input"]}, "needs output"),
        ({"layers": ["rules", "rules"]}, "twice"),
        ({"title": {"en": "English only"}}, "title.zh"),
        ({"why": "  "}, "must not be blank"),
        ({"review": "5%"}, "review"),
        ({"examples": {"violates": [], "allowed": ["x"]}}, "examples.violates"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_inconsistent_principle_is_refused(changes: dict[str, Any], reason: str) -> None:
    """Fields that contradict each other, or that one needs and lacks, are errors."""
    with pytest.raises(ValidationError, match=reason):
        made(**changes)


def test_an_example_is_a_message_or_an_exchange() -> None:
    """A string is a message; an object may hold the answer too."""
    assert Example.model_validate("hi") == Example(input="hi")
    exchange = Example.model_validate({"input": "q", "output": "a", "lang": "zh"})
    assert (exchange.input, exchange.output, exchange.lang) == ("q", "a", "zh")


def test_texts_of_examples_do_not_print() -> None:
    """People's words, invented ones too, stay out of logs."""
    assert "secret words" not in repr(Example(input="secret words"))


@pytest.mark.parametrize(
    ("asked", "least", "runs"),
    [
        (Strictness.OFF, "balanced", Strictness.BALANCED),
        (Strictness.MONITOR, "monitor", Strictness.MONITOR),
        (Strictness.STRICT, "monitor", Strictness.STRICT),
    ],
)
def test_nobody_lowers_a_principle_below_its_least_strictness(
    asked: Strictness, least: str, runs: Strictness
) -> None:
    """The stricter of what is asked for and what the principle demands applies."""
    assert made(min_strictness=least).at(asked) is runs


@pytest.mark.parametrize(
    ("review", "share"), [("none", 0.0), ("all", 1.0), ("sample 5%", 0.05), ("sample 2.5%", 0.025)]
)
def test_the_review_share_is_a_number(review: str, share: float) -> None:
    """`sample 5%` means one decision in twenty."""
    assert made(review=review).review_share == pytest.approx(share)


def test_a_principle_knows_where_it_is_looked_for() -> None:
    """A layer looks for it only at its stages and only if it is listed."""
    one = made(applies_to=["output"], layers=["judge"])
    assert one.checks(Stage.OUTPUT, Layer.JUDGE)
    assert not one.checks(Stage.INPUT, Layer.JUDGE)
    assert not one.checks(Stage.OUTPUT, Layer.RULES)


def test_texts_are_found_by_language() -> None:
    """Prompts index titles, offers and the rest by the person's language."""
    one = made()
    assert one.title["zh"] == "no-weapons 的标题"
    assert one.alternatives["en"] == ("One.", "Two.")
    assert one.alternatives["zh"] == ("一。", "二。")


def test_a_constitution_finds_principles_by_id() -> None:
    """Decisions name principles by id."""
    constitution = Constitution.model_validate({"version": 1, "principles": [principle("a-b")]})
    assert constitution.by_id["a-b"].severity == "high"
