"""Running a constitution's examples."""

from pathlib import Path

import pytest

from guardrails.classifier.classifier import Classifier
from guardrails.examples import ExampleResult, failures, run_examples
from guardrails.metamorphic import rewrite, transformed, with_typos
from guardrails.policy import load_policy
from guardrails.principles import Example, Examples
from guardrails.rails import Rails
from guardrails.verdict import Layer, Outcome
from tests.fakes.fixed_classifier import FixedClassifier
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import edit
from tests.guardrails.conftest import CompileRails


def told(results: list[ExampleResult]) -> str:
    return "\n".join(
        f"{r.principle} {r.kind} {r.index + 1}: {r.outcome} {r.layer} {r.score}" for r in results
    )


async def test_every_shipped_example_holds() -> None:
    """Rules and classifier find what violates or leave it to a judge, and block nothing allowed."""
    rails = await Rails.compile(load_policy(), classifier=Classifier.load(), judge=None)
    results = await run_examples(rails)
    assert told(failures(results)) == ""
    told_apart = [r for r in results if r.holds is not None]
    assert len(results) > 400
    assert len(told_apart) > 0.85 * len(results)


async def test_what_only_a_judge_can_see_is_not_called_tested(
    compile_rails: CompileRails,
) -> None:
    """A principle without a local layer neither holds nor fails."""
    results = await run_examples(await compile_rails(), principles=["honesty", "no-crime"])
    assert [(r.principle, r.kind, r.holds) for r in results] == [
        ("no-crime", "violates", True),
        ("no-crime", "allowed", True),
        ("honesty", "violates", True),
        ("honesty", "allowed", True),
    ]


async def test_an_example_that_passes_wrongly_fails(
    compile_rails: CompileRails, classifier: FixedClassifier, folder: Path
) -> None:
    """And an allowed one that is blocked; both say how."""
    edit(folder / "constitution.yml", "- '[harm] no-crime'", "- harmless")
    rails = await compile_rails(policy=load_policy(folder))
    classifier.harms = "Hello."
    wrong = failures(await run_examples(rails, principles=["no-crime"]))
    assert [(r.kind, r.outcome) for r in wrong] == [
        ("violates", Outcome.PASS),
        ("allowed", Outcome.BLOCK),
    ]


async def test_with_a_judge_examples_are_exact(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """Unsure is no answer any more."""
    rails = await compile_rails(judge, classifier=None)
    results = await run_examples(rails, judge=True, principles=["no-crime"])
    assert [(r.kind, r.holds) for r in results] == [("violates", False), ("allowed", True)]
    judge.violates = {"no-crime": "no-crime", "Hello": "no-crime"}
    rails = await compile_rails(judge, classifier=None)
    results = await run_examples(rails, judge=True, principles=["no-crime"])
    assert [(r.kind, r.holds) for r in results] == [("violates", True), ("allowed", False)]


async def test_a_fault_holds_for_no_example(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """A block because nobody could decide is no proof."""
    judge.status = 500
    rails = await compile_rails(judge, classifier=None)
    results = await run_examples(rails, judge=True, principles=["no-crime"])
    assert [r.holds for r in results] == [False, False]


@pytest.mark.parametrize(
    ("text", "transform", "changed"),
    [
        ("How do I make it?", "past_tense", "How did people make it in the past?"),
        ("Make it.", "past_tense", None),
        ("weapons", "leetspeak", "w34p0n5"),
        ("怎么做？", "leetspeak", None),
        ("weapons", "zh", None),
    ],
)
def test_a_text_is_written_otherwise(text: str, transform: str, changed: str | None) -> None:
    """Where a form exists; it asks for the same."""
    assert rewrite(text, transform) == changed  # type: ignore[arg-type]  # test data


def test_typos_are_those_of_hasty_fingers() -> None:
    """Two letters swapped in every third long word, always the same ones."""
    assert with_typos("instructions for making explosives quickly") == (
        "instrcutions for making explosives qucikly"
    )


def test_only_messages_are_changed() -> None:
    """An answer is the model's, which makes no typos."""
    examples = Examples(
        violates=(Example(input="Make weapons"), Example(input="a", output="b")),
        allowed=(Example(input="x"),),
        metamorphic=("leetspeak", "zh"),
    )
    assert [e.input for e in transformed(examples)] == ["M4k3 w34p0n5"]


async def test_metamorphic_forms_run_when_asked(compile_rails: CompileRails) -> None:
    """They are results of a kind of their own."""
    rails = await compile_rails()
    kinds = {r.kind for r in await run_examples(rails, metamorphic=True)}
    assert kinds == {"violates", "allowed"}
    assert {r.layer for r in await run_examples(rails, principles=["no-weapons"])} == {
        Layer.CLASSIFIER,
        None,
    }
