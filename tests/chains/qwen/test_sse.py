from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.qwen.sse import EventParser, EventTooLongError, Parser, WholeBody

STREAM = (
    b"\xef\xbb\xbf: hello\r\n\r\n"
    b'data: {"a": "\xe4\xbd\xa0\xe5\xa5\xbd"}\r\n\r\n'
    b"event: x\nid: 7\nretry: 10\ndata: one\ndata: two\n\n"
    b"data\n\n"
    b"data:no blank\rdata:  two blanks\r\r"
    b"id: 8\n\n"
    b"data: [DONE]\n\n"
)
EVENTS = [
    '{"a": "你好"}'.encode(),
    b"one\ntwo",
    b"",
    b"no blank\n two blanks",
    b"[DONE]",
]


def parse(parser: Parser, pieces: list[bytes]) -> list[bytes]:
    """Feed every piece, and the end."""
    return [event for piece in pieces for event in parser.feed(piece)] + parser.end()


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM))))
def test_the_cut_of_the_bytes_does_not_matter(cuts: list[int]) -> None:
    """However the network cuts a stream, its events are the same."""
    bounds = sorted({0, len(STREAM), *cuts})
    pieces = [STREAM[a:b] for a, b in pairwise(bounds)]

    assert parse(EventParser(), pieces) == EVENTS


def test_one_byte_at_a_time() -> None:
    """The slowest stream gives the same events."""
    assert parse(EventParser(), [bytes([byte]) for byte in STREAM]) == EVENTS


def test_whole_events_take_the_short_way() -> None:
    """Several events in one read come out in order."""
    assert EventParser().feed(b"data: 1\n\ndata: 2\n\ndata: 3\n\n") == [b"1", b"2", b"3"]


def test_an_event_without_its_blank_line_counts_at_the_end() -> None:
    """Some servers end with the last line."""
    assert parse(EventParser(), [b"data: 1\n\ndata: [DONE]"]) == [b"1", b"[DONE]"]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: " + b"x" * 90],
        [b"data: " + b"x" * 90 + b"\n\n"],
        [b"data: " + b"x" * 40 + b"\n"] * 3,
        [b"x"] * 65,
    ],
)
def test_no_event_grows_without_bound(pieces: list[bytes]) -> None:
    """An event that exceeds the bound is refused, in whatever way it grows."""
    with pytest.raises(EventTooLongError):
        parse(EventParser(max_bytes=64), pieces)


def test_a_long_stream_of_short_events_is_no_long_event() -> None:
    """The bound is for one event, not for the stream."""
    parser = EventParser(max_bytes=64)

    assert len(parse(parser, [b"data: 12345678\n\n"] * 100)) == 100


def test_a_whole_body_is_one_document() -> None:
    """A server that does not stream gives one document, which has the same bound."""
    assert parse(WholeBody(), [b'{"a":', b"1}"]) == [b'{"a":1}']
    assert parse(WholeBody(), []) == []
    with pytest.raises(EventTooLongError):
        parse(WholeBody(max_bytes=8), [b"123456789"])
