"""Constitutional AI proper: critique, rewrite, check again."""

import pytest

from guardrails.dialogue import Message, Role
from guardrails.judge import JudgeEndpoint
from guardrails.verdict import Action, Outcome
from tests.fakes.scripted_judge import ScriptedJudge
from tests.guardrails.conftest import CompileRails
from tests.guardrails.test_answer import told

QUESTION = (Message(Role.USER, "How much may I take?"),)
PROMPTS = {"critique": "You review an answer", "revision": "You rewrite an answer"}


@pytest.fixture
def careless(judge: ScriptedJudge) -> ScriptedJudge:
    """Objects to `surely`, and knows how to say it better."""
    judge.violates = {"surely": "no-professional-harm"}
    judge.written = {
        PROMPTS["critique"]: "- it is too certain",
        PROMPTS["revision"]: "Ask a pharmacist. Mail bob@corp.io.",
    }
    return judge


async def test_an_answer_is_rewritten_and_says_so(
    compile_rails: CompileRails, careless: ScriptedJudge
) -> None:
    """The new text stands for the whole answer, checked and masked like any other."""
    answer = (await compile_rails(careless)).answer(QUESTION)
    seen, decisions = await told(answer, "Take ten, surely. ", "They are harmless.")
    assert seen == "Ask a pharmacist. Mail [e-mail address hidden]."
    end = decisions[-1]
    assert (end.outcome, end.action, end.whole, end.principle) == (
        Outcome.MODIFY,
        Action.REVISE,
        True,
        "no-professional-harm",
    )
    assert [(e.start, e.end, e.kind) for e in end.edits] == [
        (0, len(seen), "revised"),
        (23, 46, "email"),
    ]
    asked = [request["messages"][0]["content"][:20] for request in careless.requests]
    assert asked[1:3] == [PROMPTS["critique"], PROMPTS["revision"][:20]]
    assert "- it is too certain" in careless.asked[2]


async def test_nothing_more_is_shown_of_an_answer_that_will_be_rewritten(
    compile_rails: CompileRails, careless: ScriptedJudge
) -> None:
    """Once a window was objected to, the rest waits for the rewriting."""
    answer = (await compile_rails(careless)).answer(QUESTION)
    first = await answer.check("Well. ")
    held = [await answer.check(window) for window in ("[unsure] surely. ", "Really. ")]
    assert first.outcome is Outcome.PASS
    assert [decision.text for decision in held] == ["", ""]
    end = await answer.end()
    assert (end.action, end.whole) == (Action.REVISE, True)


async def test_a_revision_that_violates_is_stopped(
    compile_rails: CompileRails, careless: ScriptedJudge
) -> None:
    """Nothing is rewritten twice."""
    careless.written[PROMPTS["revision"]] = "Take a pipe bomb."
    answer = (await compile_rails(careless)).answer(QUESTION)
    _, decisions = await told(answer, "Ten, surely.")
    assert (decisions[-1].blocked, decisions[-1].principle) == (True, "no-weapons")
    careless.written[PROMPTS["revision"]] = "Take nine, surely."
    answer = (await compile_rails(careless)).answer(QUESTION)
    _, decisions = await told(answer, "Ten, surely.")
    assert (decisions[-1].blocked, decisions[-1].principle) == (True, "no-professional-harm")


async def test_a_critic_without_objection_lets_the_answer_stand_with_a_note(
    compile_rails: CompileRails, careless: ScriptedJudge
) -> None:
    """Judge and critic disagree: the reader is told to take care."""
    careless.written[PROMPTS["critique"]] = "NONE."
    rails = await compile_rails(careless)
    seen, decisions = await told(rails.answer(QUESTION), "Ten, surely.")
    assert seen.startswith("Ten, surely.\n\n")
    assert decisions[-1].edits[-1].kind == "annotated"


async def test_a_revision_that_fails_is_a_fault(
    compile_rails: CompileRails, careless: ScriptedJudge
) -> None:
    """The answer is stopped, and it reads as ours."""
    careless.written[PROMPTS["revision"]] = "<think>hm"
    _, decisions = await told((await compile_rails(careless)).answer(QUESTION), "Ten, surely.")
    assert (decisions[-1].blocked, decisions[-1].failed) == (True, True)


async def test_where_no_model_can_write_the_answer_is_blocked(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """A guard model judges and cannot rewrite; another model may be named for that."""
    judge.answers = ["Safety: Unsafe\nCategories: PII"]
    rails = await compile_rails(judge, model="Qwen3Guard-Gen-0.6B")
    _, decisions = await told(rails.answer(QUESTION), "Ten.")
    assert (decisions[-1].blocked, decisions[-1].principle) == (True, "privacy")


async def test_another_model_may_write(
    compile_rails: CompileRails, careless: ScriptedJudge
) -> None:
    """The writer is asked for critique and revision only."""
    async with ScriptedJudge() as writer:
        writer.written = careless.written
        careless.written = {}
        endpoint = JudgeEndpoint(writer.base_url, "qwen-writer")
        rails = await compile_rails(careless, writer=endpoint)
        seen, _ = await told(rails.answer(QUESTION), "Ten, surely.")
        assert seen.startswith("Ask a pharmacist.")
        assert len(writer.requests) == 2
