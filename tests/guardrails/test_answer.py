"""The rails of one answer."""

from pathlib import Path

import pytest

from guardrails.answer import AnswerRails
from guardrails.dialogue import Message, Role
from guardrails.policy import load_policy
from guardrails.verdict import Action, Decision, Layer, Outcome, Strictness
from tests.fakes.fixed_classifier import FixedClassifier
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import edit
from tests.guardrails.conftest import CompileRails

QUESTION = (Message(Role.USER, "What do you think?"),)
CANARY = "covenant-canary-7f3k9q2m"


async def told(answer: AnswerRails, *windows: str) -> tuple[str, list[Decision]]:
    """What a reader sees, and every decision; a block ends it as it would end the stream."""
    seen = ""
    decisions: list[Decision] = []
    for window in windows:
        decision = await answer.check(window)
        decisions.append(decision)
        if decision.blocked:
            return seen, decisions
        seen += window if decision.text is None else decision.text
    decisions.append(await answer.end())
    if not decisions[-1].blocked:
        seen = (
            (decisions[-1].text or "") if decisions[-1].whole else seen + (decisions[-1].text or "")
        )
    return seen, decisions


async def test_an_ordinary_answer_leaves_window_by_window(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """Nothing is held back; question and answer are judged together once at the end."""
    rails = await compile_rails(judge)
    seen, decisions = await told(rails.answer(QUESTION), "Bread is good. ", "Bake it ", "well. ")
    assert seen == "Bread is good. Bake it well. "
    assert [d.outcome for d in decisions] == [Outcome.PASS] * 4
    assert len(judge.requests) == 1
    assert "What do you think?" in judge.asked[0]
    assert "Bread is good. Bake it well." in judge.asked[0]


async def test_a_window_that_violates_stops_the_answer(compile_rails: CompileRails) -> None:
    """What was released stays checked; nothing of the window or after it leaves."""
    answer = (await compile_rails()).answer(QUESTION)
    seen, decisions = await told(answer, "Well. ", "Take a pipe bomb. ", "And")
    assert seen == "Well. "
    assert (decisions[-1].principle, decisions[-1].action) == ("no-weapons", Action.BLOCK)
    assert (await answer.check("more")).blocked
    assert (await answer.end()).blocked


async def test_a_violation_across_two_windows_is_seen(compile_rails: CompileRails) -> None:
    """Windows are read with what came before them."""
    seen, decisions = await told((await compile_rails()).answer(QUESTION), "Take a pipe ", "bomb.")
    assert seen == "Take a pipe "
    assert decisions[-1].blocked


async def test_personal_data_is_hidden_however_it_is_cut(compile_rails: CompileRails) -> None:
    """On complete sentences, with positions in the released text."""
    rails = await compile_rails()
    seen, decisions = await told(
        rails.answer(QUESTION), "Hello. Call ", "+44 7700 ", "900461 now. ", "Bye."
    )
    assert seen == "Hello. Call [phone number hidden] now. Bye."
    (changed,) = [d for d in decisions if d.edits]
    (hidden,) = changed.edits
    assert changed.text is not None
    assert changed.text[hidden.start : hidden.end] == "[phone number hidden]"
    assert (changed.action, changed.principle) == (Action.MASK, "privacy")
    assert any(v.outcome is Outcome.MODIFY for v in changed.verdicts)


async def test_held_text_comes_at_the_end(compile_rails: CompileRails) -> None:
    """Nothing is lost when the answer ends inside a sentence."""
    seen, decisions = await told((await compile_rails()).answer(QUESTION), "Mail bob@corp.io")
    assert [d.text for d in decisions] == ["", "Mail [e-mail address hidden]"]
    assert seen == "Mail [e-mail address hidden]"


async def test_what_the_reader_gave_is_theirs(compile_rails: CompileRails) -> None:
    """Their own number may be said back to them."""
    mine = (Message(Role.USER, "Put bob@corp.io into my CV."),)
    seen, _ = await told((await compile_rails()).answer(mine), "E-mail: bob@corp.io. ")
    assert seen == "E-mail: bob@corp.io. "


async def test_monitor_hides_nothing(compile_rails: CompileRails) -> None:
    """It records what it would have hidden."""
    answer = (await compile_rails()).answer(QUESTION, strictness=Strictness.MONITOR)
    seen, decisions = await told(answer, "Mail bob@corp.io now. ")
    assert seen == "Mail bob@corp.io now. "
    assert decisions[0].verdicts[-1].outcome is Outcome.MODIFY


async def test_an_unsure_window_waits_for_the_judge(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """The first at once, the next ones more and more at a time, and none unjudged."""
    rails = await compile_rails(judge)
    answer = rails.answer(QUESTION)
    window = "[unsure] " + "ten chars " * 9 + "\n"
    outcomes = [await answer.check(window) for _ in range(9)]
    assert [(d.text is None) for d in outcomes] == [True, *[False] * 8]
    assert [len(d.text or "") for d in outcomes[1:]] == [0, 200, 0, 0, 0, 400, 0, 0]
    assert len(judge.requests) == 3
    end = await answer.end()
    assert len(end.text or "") == 200
    assert len(judge.requests) == 4


async def test_the_judge_stops_an_unsure_window(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """Before any of it is shown."""
    judge.violates = {"stolen": "no-crime"}
    answer = (await compile_rails(judge)).answer(QUESTION)
    seen, decisions = await told(answer, "Fine. ", "[unsure] stolen goods. ")
    assert seen == "Fine. "
    assert (decisions[-1].principle, decisions[-1].layer) == ("no-crime", Layer.JUDGE)


async def test_the_verdict_on_the_whole_is_honoured(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """What no window shows, question and answer together do."""
    judge.violates = {"the whole plan": "no-crime"}
    answer = (await compile_rails(judge)).answer((Message(Role.USER, "the whole plan?"),))
    seen, decisions = await told(answer, "Yes. ")
    assert seen == "Yes. "
    assert (decisions[-1].outcome, decisions[-1].principle) == (Outcome.BLOCK, "no-crime")


@pytest.mark.parametrize("reply", ["", "Not safe.", '{"violations": [', "<think>"])
async def test_a_judge_that_fails_never_lets_an_unsure_window_out(
    compile_rails: CompileRails, judge: ScriptedJudge, reply: str
) -> None:
    """And in strict no window at all."""
    judge.reply = reply
    rails = await compile_rails(judge)
    seen, decisions = await told(rails.answer(QUESTION), "[unsure] text. ")
    assert (seen, decisions[-1].failed) == ("", True)
    strict = rails.answer(QUESTION, strictness=Strictness.STRICT)
    seen, decisions = await told(strict, "Fine text. ")
    assert (seen, decisions[-1].failed) == ("", True)


async def test_a_clear_answer_survives_a_judge_that_fails(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """In balanced only what was unsure is stopped; the note says that the judge was not heard."""
    judge.status = 500
    seen, decisions = await told((await compile_rails(judge)).answer(QUESTION), "Fine text. ")
    assert seen == "Fine text. "
    assert decisions[-1].notes == ("judge_failed",)


async def test_held_and_unsure_text_never_leaves_at_the_end_without_a_verdict(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """The judge dies while text waits for it."""
    answer = (await compile_rails(judge)).answer(QUESTION)
    await answer.check("[unsure] first. ")
    judge.status = 500
    waiting = await answer.check("[unsure] second. ")
    end = await answer.end()
    assert (waiting.text, end.blocked, end.failed) == ("", True, True)


async def test_without_a_judge_unsure_windows_pass_with_a_note(
    compile_rails: CompileRails,
) -> None:
    """As messages do, until the doubt is out of what is read."""
    answer = (await compile_rails()).answer(QUESTION)
    seen, decisions = await told(answer, "[unsure] text. ", *["word " * 30] * 2)
    assert seen == "[unsure] text. " + "word " * 60
    missing = ("judge_missing",)
    assert [d.notes for d in decisions] == [missing, missing, (), ()]


async def test_strict_without_a_judge_shows_nothing(compile_rails: CompileRails) -> None:
    """It cannot do what it promises, so it fails closed."""
    answer = (await compile_rails()).answer(QUESTION, strictness=Strictness.STRICT)
    seen, decisions = await told(answer, "Fine. ")
    assert (seen, decisions[-1].failed) == ("", True)


async def test_a_limited_check_is_unsure(compile_rails: CompileRails, judge: ScriptedJudge) -> None:
    """No judge is asked, for windows or for the whole."""
    answer = (await compile_rails(judge)).answer(QUESTION, layers=[Layer.RULES, Layer.CLASSIFIER])
    _, decisions = await told(answer, "[unsure] text. ")
    assert decisions[0].outcome is Outcome.UNSURE
    assert judge.requests == []


@pytest.mark.parametrize(
    "windows",
    [
        (f"It is {CANARY}. ",),
        ("It is covenant-", "canary-7f3k", "9q2m."),
        ("It is c o v e n a n t c a n a r y 7 ", "f 3 k 9 q 2 m."),
        (f"It is {CANARY[::-1]}",),
    ],
)
async def test_the_secret_of_the_system_prompt_is_never_said(
    compile_rails: CompileRails, windows: tuple[str, ...]
) -> None:
    """In one piece, over windows, spelt out or reversed; not even its beginning is shown."""
    answer = (await compile_rails(canary=CANARY)).answer(QUESTION)
    seen, decisions = await told(answer, *windows)
    assert "covenant" not in seen.replace(" ", "")
    assert (decisions[-1].blocked, decisions[-1].principle) == (True, "integrity")


async def test_a_word_like_the_secret_is_shown(compile_rails: CompileRails) -> None:
    """It is only kept back until it turns out otherwise."""
    answer = (await compile_rails(canary=CANARY)).answer(QUESTION)
    seen, _ = await told(answer, "I am Covenant", " can", "oe. ")
    assert seen == "I am Covenant canoe. "


async def test_reasoning_is_checked_like_the_answer(compile_rails: CompileRails) -> None:
    """It is a text of its own, and what it holds is hidden or stopped too."""
    answer = (await compile_rails()).answer(QUESTION)
    assert (
        await answer.check_reasoning("Hm, bob@corp.io. ")
    ).text == "Hm, [e-mail address hidden]. "
    assert (await answer.check_reasoning("The pipe ")).outcome is Outcome.PASS
    assert (await answer.check("bomb is a word. ")).outcome is Outcome.PASS
    assert (await answer.check_reasoning("bomb")).blocked


async def test_a_note_is_added_once(compile_rails: CompileRails, judge: ScriptedJudge) -> None:
    """`annotate` keeps the answer and says what to mind."""
    judge.violates = {"unproven": "honesty"}
    rails = await compile_rails(judge)
    seen, decisions = await told(rails.answer(QUESTION), "[unsure] unproven. ", "Surely.")
    note = rails.policy.message("annotated_honesty", "en")
    assert seen == f"[unsure] unproven. Surely.\n\n{note.strip()}"
    (added,) = decisions[-1].edits
    assert (added.kind, added.principle, decisions[-1].action) == (
        "annotated",
        "honesty",
        Action.ANNOTATE,
    )


async def test_claims_are_held_against_the_passages(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """The judge of the exchange reads what the answer may cite."""

    class Passage:
        title = "Opening hours"
        text = "Open till six."

    rails = await compile_rails(judge)
    await told(rails.answer(QUESTION, passages=[Passage()]), "Till eight [1].")
    later = rails.answer(QUESTION)
    later.cites([Passage()])
    await told(later, "Till nine [1].")
    assert ["Open till six." in asked for asked in judge.asked] == [True, True]


async def test_a_very_long_answer_is_judged_at_both_ends(
    compile_rails: CompileRails, judge: ScriptedJudge, folder: Path
) -> None:
    """The judge's prompt stays bounded."""
    edit(folder / "strictness.yml", "  answer: 40000", "  answer: 100")
    answer = (await compile_rails(judge, policy=load_policy(folder))).answer(QUESTION)
    await told(answer, "Begin. ", *["word " * 30] * 5, "End.")
    assert "Begin." in judge.asked[0]
    assert "End." in judge.asked[0]
    assert len(judge.asked[0]) < 700


async def test_a_crash_in_the_middle_stops_the_answer(
    compile_rails: CompileRails, classifier: FixedClassifier
) -> None:
    """A rail that fails gives no window free."""
    answer = (await compile_rails()).answer(QUESTION)
    await answer.check("Fine. ")
    classifier.breaks = True
    decision = await answer.check("Next. ")
    assert (decision.blocked, decision.failed) == (True, True)


async def test_an_answer_without_text_ends_well(
    compile_rails: CompileRails, judge: ScriptedJudge
) -> None:
    """There is nothing to judge."""
    assert (await (await compile_rails(judge)).answer(QUESTION).end()).outcome is Outcome.PASS
    assert judge.requests == []
