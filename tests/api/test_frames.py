"""Frames: written and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import frames
from chains.events import MessageDelta, RunFinished


@given(st.text(max_size=60), st.integers(min_value=1, max_value=10**6))
def test_what_is_written_can_be_read(text: str, seq: int) -> None:
    """Any text survives, in one line of data, however lines are split."""
    delta = MessageDelta(text=text, offset=0)

    frame = frames.encode(seq, delta)

    assert frames.decode(frame) == delta
    assert len(frame.decode().splitlines()) == 4
    assert list(frames.decode_all(frame + frames.encode(seq + 1, delta))) == [delta, delta]


@pytest.mark.parametrize("wrong", [b"", b"data: {}\n\n", b"event: x\nid: 1\ndata: {}\n\n"])
def test_other_bytes_are_no_frame(wrong: bytes) -> None:
    """What we did not write is refused."""
    with pytest.raises(ValueError, match=r"not a frame|validation error"):
        frames.decode(wrong)


def test_only_the_last_event_is_the_last() -> None:
    """A text that looks like the last event is not one."""
    last = frames.encode(1, RunFinished(status="completed"))
    fake = frames.encode(1, MessageDelta(text="event: run.finished\n", offset=0))

    assert frames.is_last(last)
    assert not frames.is_last(fake)


@pytest.mark.parametrize(("length", "left"), [(0, ""), (4, ""), (7, "abc"), (9, "abcde")])
def test_a_delta_is_blanked_from_a_character_on(length: int, left: str) -> None:
    """What stands before the character stays."""
    assert frames.blanked(MessageDelta(text="abcde", offset=4), length).text == left
