"""Reading a judge's reply: everything that is no verdict is a fault."""

import pytest

from guardrails.judge_reply import (
    UnreadableReplyError,
    read_constitution_reply,
    read_qwen3guard_reply,
    without_thought,
)

IDS = ("no-weapons", "privacy")
MEANING = {"Violent": "no-weapons", "PII": "privacy"}


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ('{"violations": [], "reason": "fine"}', []),
        ('{"violations": [{"id": "privacy", "confidence": 0.7}]}', [("privacy", 0.7)]),
        ('```json\n{"violations": []}\n```', []),
        ('<think>is it {"violations": []}?</think>\n{"violations": []}', []),
        ('hmm</think>{"violations": [{"id": "privacy", "confidence": 1}]}', [("privacy", 1.0)]),
    ],
)
def test_a_verdict_is_read(reply: str, found: list[tuple[str, float]]) -> None:
    """The object alone, in a code fence, or after thinking."""
    assert [(v.principle, v.confidence) for v in read_constitution_reply(reply, IDS)] == found


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   ",
        "Safe.",
        "Not safe.",
        "No",
        "safe unsafe",
        "The text violates nothing.",
        '{"violations": []',
        '{"violations": [}',
        "{}",
        "[]",
        "null",
        '"{}"',
        '{"violations": {}}',
        '{"violations": null}',
        '{"violation": []}',
        '{"violations": ["privacy"]}',
        '{"violations": [{"id": "privacy"}]}',
        '{"violations": [{"id": "pirvacy", "confidence": 0.9}]}',
        '{"violations": [{"id": "privacy", "confidence": "high"}]}',
        '{"violations": [{"id": "privacy", "confidence": true}]}',
        '{"violations": [{"id": "privacy", "confidence": 1.5}]}',
        '{"violations": [{"id": "privacy", "confidence": NaN}]}',
        '{"violations": [{"id": "privacy", "confidence": 0.9}], "violations": []}',
        '{"violations": []} and that is all',
        'Sure: {"violations": []}',
        '<think>never ends {"violations": []}',
        "<think></think>",
        "[" * 5000,
    ],
)
def test_what_is_no_verdict_is_a_fault(reply: str) -> None:
    """Empty, prose, broken JSON, unknown ids, nonsense: never a pass."""
    with pytest.raises(UnreadableReplyError):
        read_constitution_reply(reply, IDS)


def test_a_fault_does_not_quote_the_reply() -> None:
    """A judge may repeat what people say."""
    with pytest.raises(UnreadableReplyError) as raised:
        read_constitution_reply("my secret", IDS)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Safety: Safe\nCategories: None", []),
        ("Safety: Safe", []),
        ("Safety: Unsafe\nCategories: Violent", [("no-weapons", 1.0, False)]),
        (
            "Safety: Unsafe\nCategories: PII, Violent\nRefusal: No",
            [("privacy", 1.0, False), ("no-weapons", 1.0, False)],
        ),
        ("Safety: Controversial\nCategories: PII", [("privacy", 0.5, True)]),
        ("Safety: Unsafe\nCategories: Jailbreak", [(None, 1.0, False)]),
    ],
)
def test_qwen3guards_lines_are_read(
    reply: str, found: list[tuple[str | None, float, bool]]
) -> None:
    """Level and categories, mapped to principles; a category without one is still a violation."""
    assert [
        (v.principle, v.confidence, v.controversial) for v in read_qwen3guard_reply(reply, MEANING)
    ] == found


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Safe",
        "Not safe.",
        "Safety: Maybe\nCategories: None",
        "Safety: Safe\nSafety: Unsafe\nCategories: Violent",
        "Safety: Unsafe",
        "Safety: Unsafe\nCategories: None",
        "Safety: Unsafe\nCategories: Nonsense",
        "Safety: Safe\nCategories: Violent",
        "Safety: Safe\nCategories: None\nCategories: Violent",
        "I think Safety: Safe",
    ],
)
def test_contradictory_lines_are_a_fault(reply: str) -> None:
    """A guard that says two things has said nothing."""
    with pytest.raises(UnreadableReplyError):
        read_qwen3guard_reply(reply, MEANING)


def test_thinking_is_dropped_only_at_the_start() -> None:
    """What an answer quotes later is its own."""
    assert without_thought("<think>a\nb</think> c") == "c"
    with pytest.raises(UnreadableReplyError):
        without_thought("c <think>d")
