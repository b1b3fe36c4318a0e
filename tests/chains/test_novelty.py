from chains.knowledge.tokens import Tokenizer
from chains.novelty import Asked


def asked(*questions: str) -> Asked:
    return Asked(Tokenizer(), questions)


def test_the_same_in_other_words_is_not_new() -> None:
    """A heading within a question, or a question much like one before, was asked."""
    before = asked("How do citations work?", "检索是如何工作的？")

    assert not before.is_new("How citations work")
    assert not before.is_new("Do the citations really work?")
    assert not before.is_new("检索的工作")
    assert before.is_new("Rate limits")


def test_a_word_in_common_is_new_enough() -> None:
    """Another question about the same thing may be asked."""
    assert asked("How do citations work?").is_new("Which documents can have citations")


def test_words_without_meaning_are_nothing_new() -> None:
    """A text of stop words alone asks nothing, and stops nothing from being asked."""
    assert not asked().is_new("What is it?")
    assert asked("What is it?").is_new("Rate limits")


def test_what_is_added_counts_as_asked() -> None:
    """Nothing is offered twice."""
    before = asked()
    before.add("Rate limits")

    assert not before.is_new("The rate limits")


def test_an_answer_touches_what_it_speaks_of() -> None:
    """A question is untouched while most of its words are not in the answer."""
    assert asked().is_untouched("What does hosting cost?", "Search ranks by words.")
    assert not asked().is_untouched("What does hosting cost?", "Hosting costs nothing.")
    assert not asked().is_untouched("What is it?", "")
