import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.windows import Windows


@given(st.lists(st.text(max_size=20)), st.integers(min_value=1, max_value=30), st.data())
def test_no_text_is_lost(pieces: list[str], stride: int, data: st.DataObject) -> None:
    """The windows joined are the text, whether they end by themselves or are cut."""
    windows = Windows(stride)
    said = ""
    for piece in pieces:
        said += windows.feed(piece)
        if data.draw(st.booleans()):
            said += windows.cut()

    assert said + windows.flush() == "".join(pieces)
    assert windows.pending == 0


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("One. Two", "One. "),
        ("One.", ""),
        ("Version 3.5 is out", ""),
        ('He said "No." and', 'He said "No.'),
        ("你好。世", "你好。"),
        ("line\nnext", "line\n"),
        (
            "no sentence end at all and long enough to be cut",
            "no sentence end at all and long enough to be ",
        ),
        ("x" * 50, "x" * 50),
    ],
)
def test_windows_end_with_sentences_or_words(text: str, window: str) -> None:
    """After the last sentence end; past the stride after the last word; else wherever it must."""
    assert Windows(40).feed(text) == window


@pytest.mark.parametrize(
    ("text", "window"),
    [("two words", "two "), ("word", ""), ("", ""), ("你好世", "你好世"), ("你好 wor", "你好 ")],
)
def test_waiting_words_can_be_cut(text: str, window: str) -> None:
    """`cut` gives the words that have ended; each Chinese character may end one."""
    windows = Windows(40)
    windows.feed(text)

    assert windows.cut() == window
    assert windows.pending == len(text) - len(window)
