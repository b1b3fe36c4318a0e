import pytest

from chains.phrasing import is_askable, parts_of, question_about
from chains.turn import Language


@pytest.mark.parametrize(
    ("heading", "language", "question"),
    [
        ("How citations work", "en", "Can you explain how citations work?"),
        ("In which order it looks", "en", "Can you explain in which order it looks?"),
        ("When the model is slow", "en", "What happens when the model is slow?"),
        ("Connect your model", "en", "How do I connect my model?"),
        ("Test suites", "en", "What should I know about “Test suites”?"),
        ("Ollama.", "en", "What should I know about “Ollama”?"),
        ("Is it stored? What is kept", "en", "Is it stored?"),
        ("引用是如何工作的", "zh", "引用是如何工作的？"),
        ("谁会看到我的消息？", "zh", "谁会看到我的消息？"),
        ("严格程度", "zh", "“严格程度”是怎样的？"),
        ("How citations work", "zh", "“How citations work”是怎样的？"),
        ("引用是如何工作的", "en", "What should I know about “引用是如何工作的”?"),
    ],
)
def test_a_heading_becomes_a_question(heading: str, language: Language, question: str) -> None:
    """Each shape of heading has a question that reads well; another language is quoted."""
    assert question_about(heading, language) == question


@pytest.mark.parametrize("heading", ["", "1.2", "A", "x" * 91, "Two\nlines", "中"])
def test_some_headings_mean_nothing(heading: str) -> None:
    """What is no line of words, or too long for a suggestion, is not asked about."""
    assert not is_askable(heading)


def test_a_message_of_several_questions_has_parts() -> None:
    """Each question of several is a part; a single question, statements and essays are none."""
    assert parts_of("Is it free? I hope so. Who made it?") == ("Is it free?", "Who made it?")
    assert parts_of("多少钱？安全吗？") == ("多少钱？", "安全吗？")
    assert parts_of("Is it free?") == ()
    assert parts_of("Tell me. Go on.") == ()
    assert parts_of("Is it free? And " + "very " * 40 + "good?") == ("Is it free?",)
