from dataclasses import replace
from datetime import UTC, datetime

from chains.prompt import prompt
from chains.turn import Exchange, Turn
from guardrails.dialogue import Role
from tests.fakes.turns import passage


def exchange(question: str, answer: str) -> Exchange:
    return Exchange(
        message_id="m",
        question=question,
        answer=answer,
        finish_reason="stop",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def roles_and_texts(turn: Turn) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in turn.prompt[1:]]


STAGE = prompt(passage_tokens=10, canary="CANARY")


async def test_passages_are_data_and_never_system_text(turn: Turn) -> None:
    """The system text holds the canary; passages, numbered from 1, stand before the question."""
    written = await STAGE.ainvoke(
        replace(turn, passages=(passage(1, "Short."),), history=(exchange("q1", "a1"),))
    )

    system, *_, data, question = written.prompt
    assert system.role is Role.SYSTEM
    assert "canary=CANARY" in system.text
    assert data.role is Role.USER
    assert "(1, Passage(id='p1'" in data.text
    assert question.text == "What is Covenant?"


def test_the_conversation_is_told_in_order(turn: Turn) -> None:
    """Earlier exchanges stand before the question, each as question and answer."""
    history = (exchange("q1", "a1"), exchange("q2", "a2"))

    written = STAGE.invoke(replace(turn, history=history))

    assert roles_and_texts(written) == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "a2"),
        ("user", "What is Covenant?"),
    ]


def test_a_summary_is_the_persons_text_and_says_what_it_is(turn: Turn) -> None:
    """The summary comes first, marked, as user text: it must not speak with the system's voice."""
    written = STAGE.invoke(
        replace(turn, summary="- asked: q0\n  answered: a0", history=(exchange("q1", "a1"),))
    )

    (role, text), *rest = roles_and_texts(written)
    assert role == "user"
    assert text.startswith("[Summary of the beginning of our conversation")
    assert text.endswith("]\n- asked: q0\n  answered: a0")
    assert rest[0] == ("user", "q1")
    assert "q0" not in written.prompt[0].text


def test_passages_beyond_the_budget_are_dropped_from_turn_and_prompt(turn: Turn) -> None:
    """Only passages the model read may be cited, so the turn keeps no others; one always stays."""
    passages = (passage(1, "x" * 100), passage(2, "y" * 100))

    written = STAGE.invoke(replace(turn, passages=passages))

    assert passages[:1] == written.passages


def test_context_is_marked_as_what_it_is(turn: Turn) -> None:
    """Text about the situation comes as user text before the question, never as system text."""
    written = STAGE.invoke(replace(turn, context="The pricing page"))

    role, text = roles_and_texts(written)[0]
    assert role == "user"
    assert "The pricing page" in text
