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


STAGE = prompt(history_tokens=10, passage_tokens=10, canary="CANARY")


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


def test_the_newest_history_that_fits_is_kept_in_order(turn: Turn) -> None:
    """Older exchanges fall out of the budget first, and an exchange is never cut in half."""
    history = (exchange("old " * 20, "old"), exchange("q1", "a1"), exchange("q2", "a2"))

    written = STAGE.invoke(replace(turn, history=history))

    assert roles_and_texts(written) == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "a2"),
        ("user", "What is Covenant?"),
    ]


def test_a_stopped_exchange_is_not_repeated_to_the_model(turn: Turn) -> None:
    """An exchange without an answer leaves no trace in the prompt."""
    written = STAGE.invoke(replace(turn, history=(exchange("forbidden", ""),)))

    assert roles_and_texts(written) == [("user", "What is Covenant?")]


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
