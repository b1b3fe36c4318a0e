import pytest

from chains.qwen.deltas import Delta, MalformedEventError, ReportedError, parse_delta


@pytest.mark.parametrize(
    ("event", "delta"),
    [
        (b'{"choices":[{"delta":{"content":"a"}}]}', Delta(content="a")),
        (b'{"choices":[{"delta":{"reasoning_content":"r"}}]}', Delta(reasoning="r")),
        (b'{"choices":[{"delta":{"reasoning":"r","content":null}}]}', Delta(reasoning="r")),
        (b'{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}', Delta(content="a")),
        (b'{"choices":[{"delta":null,"finish_reason":"stop"}]}', Delta(finish_reason="stop")),
        (b'{"model":"m","choices":[{"message":{"content":"a"}}]}', Delta("a", model="m")),
        (b'{"choices":[],"usage":{"prompt_tokens":1}}', Delta(usage={"prompt_tokens": 1})),
        (b'{"choices":[{"delta":{"content":7}}]}', Delta()),
        (b"{}", Delta()),
    ],
)
def test_events_are_read(event: bytes, delta: Delta) -> None:
    """Text, reasoning, the end and the counts come from wherever a server puts them."""
    assert parse_delta(event) == delta


def test_tool_calls_keep_their_event() -> None:
    """An event with tool calls is kept whole for whoever understands them."""
    delta = parse_delta(b'{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}')

    assert delta.raw == {"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}


@pytest.mark.parametrize(
    "event", [b"oops SECRET", b"[1]", b'"SECRET"', b'{"choices":["SECRET"]}', b'{"choices":7}']
)
def test_nonsense_is_refused_without_quoting_it(event: bytes) -> None:
    """What is no chat completion raises, and the error holds none of it."""
    with pytest.raises(MalformedEventError) as raised:
        parse_delta(event)

    assert "SECRET" not in repr(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (b'{"error":{"message":"SECRET","code":503}}', 503),
        (b'{"error":{"message":"SECRET","code":"429"}}', 429),
        (b'{"error":{"message":"SECRET","code":"overloaded","status":500}}', 500),
        (b'{"error":"SECRET"}', None),
        (b'{"code":"InvalidParameter","message":"SECRET"}', None),
        (b'{"error":{"code":7}}', None),
    ],
)
def test_error_objects_are_told_by_their_status(event: bytes, status: int | None) -> None:
    """An error in the stream raises with its status and without its words."""
    with pytest.raises(ReportedError) as raised:
        parse_delta(event)

    assert raised.value.status == status
    assert "SECRET" not in repr(raised.value)


def test_text_does_not_show_in_a_repr() -> None:
    """A delta may be logged by accident."""
    assert "SECRET" not in repr(Delta(content="SECRET", reasoning="SECRET", raw={"a": "SECRET"}))
