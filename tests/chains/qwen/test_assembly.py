from hypothesis import given
from hypothesis import strategies as st

from chains.qwen.assembly import Assembly, Window
from chains.qwen.deltas import Delta


def assemble(
    deltas: list[Delta], *, stride: int = 40, thinking: bool = True, max_tokens: int = 1000
) -> list[Window]:
    """All windows of an answer."""
    assembly = Assembly(stride=stride, max_tokens=max_tokens, thinking=thinking)
    for delta in deltas:
        assembly.add(delta)
    return list(assembly.end())


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=30)), max_size=30))
def test_no_text_is_lost_or_moved(said: list[tuple[bool, str]]) -> None:
    """The windows joined are the text, and the reasoning, as they came."""
    deltas = [
        Delta(reasoning=text.replace("<", "")) if reasons else Delta(content=text.replace("<", ""))
        for reasons, text in said
    ]

    windows = assemble(deltas)

    assert "".join(window.content for window in windows) == "".join(d.content for d in deltas)
    assert "".join(window.reasoning for window in windows) == "".join(d.reasoning for d in deltas)


def test_windows_end_with_sentences_and_stay_short() -> None:
    """A window ends at a sentence's end, or at a word's where a sentence is longer than allowed."""
    text = "One sentence. " + "word " * 30

    windows = [window.content for window in assemble([Delta(content=c) for c in text])]

    assert windows[0] == "One sentence. "
    assert all(len(window) <= 40 for window in windows)
    assert all(window.endswith(" ") for window in windows)


def test_a_huge_delta_becomes_short_windows() -> None:
    """Half a megabyte in one token is cut like any text, and up to the answer's bound."""
    windows = assemble([Delta(content="x" * 512 * 1024)], max_tokens=100)

    assert sum(len(window.content) for window in windows) == 6400
    assert max(len(window.content) for window in windows) <= 40


def test_reasoning_ends_before_the_answer_begins() -> None:
    """What waits of the reasoning is handed out when the answer starts."""
    windows = assemble([Delta(reasoning="I think"), Delta(content="Yes.")])

    assert windows == [Window(reasoning="I think"), Window(content="Yes.")]


def test_reasoning_nobody_asked_for_is_dropped() -> None:
    """A model that thinks all the same is not heard thinking, in a field or in tags."""
    in_field = assemble([Delta(reasoning="I think"), Delta(content="Yes.")], thinking=False)
    in_tags = assemble([Delta(content="<think>I think</think>Yes.")], thinking=False)

    assert in_field == in_tags == [Window(content="Yes.")]


def test_an_answer_without_end_is_excessive() -> None:
    """More deltas than two answers may have tokens: the server ignores the bound."""
    assembly = Assembly(stride=40, max_tokens=5, thinking=False)
    said = [assembly.add(Delta(content="a ")) for _ in range(10)]

    assert all(said)
    assert not assembly.excessive
    assembly.add(Delta(content="a "))
    assert assembly.excessive


def test_waiting_words_can_be_cut_off() -> None:
    """`cut` hands out the words that have ended, and tells if there were none."""
    assembly = Assembly(stride=40, max_tokens=5, thinking=True)
    assembly.add(Delta(content="two words"))

    assert assembly.waiting
    assert assembly.cut()
    assert list(assembly.ready) == [Window(content="two ")]
    assert not assembly.cut()


def test_text_does_not_show_in_a_repr() -> None:
    """A window may be logged by accident."""
    assert "SECRET" not in repr(Window("SECRET", "SECRET", {"a": "SECRET"}))
