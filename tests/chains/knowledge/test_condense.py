from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chains.knowledge.condense import context_of, leans_on_what_came_before
from chains.turn import Exchange
from guardrails.dialogue import Message, Role
from tests.fakes.turns import bare_turn


def exchange(question: str) -> Exchange:
    return Exchange("msg_0", question, "An answer.", "stop", datetime.now(UTC))


@pytest.mark.parametrize(
    "question",
    [
        "And how long is it kept?",
        "Why?",
        "What about Chinese?",
        "Can they be deleted?",
        "Tell me more about the second one",
        "为什么？",
        "它保存多久？",
        "那英文的规则在哪里查看？",
        "费用呢？",
    ],
)
def test_a_question_that_points_back(question: str) -> None:
    """Pronouns, openings such as "and", and very short questions need what came before."""
    assert leans_on_what_came_before(question)


@pytest.mark.parametrize(
    "question",
    [
        "How do I connect Covenant to Ollama on my laptop?",
        "Which principles does the constitution hold?",
        "如何把文档添加到知识库里面？",
        "It is broken. " * 15,
    ],
)
def test_a_question_that_stands_alone(question: str) -> None:
    """A question that says what it is about is searched as it is."""
    assert not leans_on_what_came_before(question)


def test_a_follow_up_is_searched_with_the_question_before() -> None:
    """Only the last question is added: older ones were about something else."""
    history = (exchange("What is Redis for?"), exchange("How are appeals decided?"))
    turn = replace(bare_turn("And by whom?"), history=history)

    assert context_of(turn) == "How are appeals decided?"


def test_the_first_question_is_searched_as_it_is() -> None:
    """Without a history there is nothing to add."""
    assert context_of(bare_turn("Why?")) == ""


def test_a_whole_question_needs_no_history() -> None:
    """What was asked before is left out where the question stands alone."""
    question = "How do I connect Covenant to Ollama on my laptop?"
    turn = replace(bare_turn(question), history=(exchange("What is Redis for?"),))

    assert context_of(turn) == ""


def test_messages_a_client_sent_itself_count_as_history() -> None:
    """An OpenAI client's earlier messages make a follow-up whole, too."""
    said = (Message(Role.USER, "How are appeals decided?"), Message(Role.ASSISTANT, "By people."))
    turn = replace(bare_turn("By whom?"), preamble=said)

    assert context_of(turn) == "How are appeals decided?"
