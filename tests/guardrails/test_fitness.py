"""Finding out whether a model can judge."""

from pathlib import Path

import pytest

from guardrails.fitness import Fitness, try_judge
from guardrails.judge import JudgeEndpoint
from guardrails.policy import Policy, load_policy
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import dump, edit, principle

BAD = {"[harm]": "no-weapons"}


async def trial(judge: ScriptedJudge, policy: Policy, model: str = "qwen-scripted") -> Fitness:
    return await try_judge(JudgeEndpoint(judge.base_url, model), policy)


async def test_a_model_that_judges_is_fit(judge: ScriptedJudge, small_policy: Policy) -> None:
    """It finds what is forbidden and lets pass what is not."""
    judge.violates = BAD
    assert (await trial(judge, small_policy)).fit


@pytest.mark.parametrize(
    ("violates", "remark"),
    [({}, "nothing wrong"), ({"MESSAGE": "no-weapons"}, "objects to what is allowed")],
)
async def test_a_poor_judge_is_one_that_is_remarked_on(
    judge: ScriptedJudge, small_policy: Policy, violates: dict[str, str], remark: str
) -> None:
    """It gives verdicts; two examples do not prove that they are wrong."""
    judge.violates = violates
    fitness = await trial(judge, small_policy)
    assert fitness.fit
    assert remark in fitness.remark


@pytest.mark.parametrize("reply", ["That is a nice message.", "", '{"violations": ["x"]}'])
async def test_a_model_that_gives_no_verdicts_is_not_fit(
    judge: ScriptedJudge, small_policy: Policy, reply: str
) -> None:
    """Every message it should have judged would be stopped."""
    judge.reply = reply
    assert await trial(judge, small_policy) == Fitness(
        fit=False, remark="its answers are no verdicts"
    )


async def test_a_slow_model_is_not_fit(judge: ScriptedJudge, folder: Path) -> None:
    """Unless only its first answer is slow."""
    edit(folder / "strictness.yml", "deadline_ms: 4000 ", "deadline_ms: 100 ")
    judge.violates, judge.delay = BAD, 1.0
    assert (await trial(judge, load_policy(folder))).remark == "it answers too slowly"


async def test_a_guard_model_is_tried_with_what_it_knows(
    judge: ScriptedJudge, small_policy: Policy, folder: Path
) -> None:
    """With a principle that its categories map to; without one there is nothing to try."""
    safe, unsafe = "Safety: Safe\nCategories: None", "Safety: Unsafe\nCategories: Violent"
    judge.answers = [unsafe, safe]
    assert (await trial(judge, small_policy, "Qwen3Guard-Gen")).fit
    dump(folder / "constitution.yml", {"version": 1, "principles": [principle("no-crime")]})
    dump(folder / "rules" / "all.yml", {"version": 1})
    assert "no principle" in (await trial(judge, load_policy(folder), "Qwen3Guard-Gen")).remark


async def test_a_model_that_is_gone_is_not_fit(judge: ScriptedJudge, small_policy: Policy) -> None:
    """It says so instead of raising."""
    await judge.stop()
    assert (await trial(judge, small_policy)).remark == "it cannot be reached"
