from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.qwen.thinking import ThinkingStyle, ThinkSplitter, thinking_fields

TEXT = "\n<think>\nFirst < then </thin king.\n</think>\n\nThe <think>answer</think>."


def split(splitter: ThinkSplitter, text: str, cuts: list[int]) -> tuple[str, str]:
    """Feed a text in pieces; return all reasoning and all of the answer."""
    bounds = sorted({0, len(text), *cuts})
    parts = [splitter.feed(text[a:b]) for a, b in pairwise(bounds)]
    parts.append(splitter.end())
    return "".join(part[0] for part in parts), "".join(part[1] for part in parts)


@given(st.lists(st.integers(min_value=0, max_value=len(TEXT))))
def test_the_block_is_separated_however_it_is_cut(cuts: list[int]) -> None:
    """Tags split over pieces are tags, and tags in the answer are text."""
    assert split(ThinkSplitter(), TEXT, cuts) == (
        "First < then </thin king.\n",
        "The <think>answer</think>.",
    )


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Hello <think>x</think>", "", "Hello <think>x</think>"),
        ("  Hello", "", "  Hello"),
        ("<thin ice>", "", "<thin ice>"),
        ("<think>\n\n</think>\n\nHello", "", "Hello"),
        ("<think>never closed", "never closed", ""),
        ("<think>cut</thi", "cut</thi", ""),
        ("<thi", "", "<thi"),
        ("<think>a</think>", "a", ""),
        ("", "", ""),
    ],
)
def test_odd_beginnings_and_ends(text: str, reasoning: str, answer: str) -> None:
    """Nothing is lost, whatever the text begins or ends with."""
    assert split(ThinkSplitter(), text, list(range(len(text)))) == (reasoning, answer)


def test_some_templates_write_the_opening_tag() -> None:
    """Where the text begins inside the block, the closing tag alone separates."""
    assert split(ThinkSplitter(inside=True), "hm\n</think>\n\n42", [1, 6]) == ("hm\n", "42")


def test_a_server_that_separates_leaves_only_the_answer() -> None:
    """Reasoning in a field of its own means that the text is the answer."""
    splitter = ThinkSplitter(inside=True)
    splitter.separated()

    assert split(splitter, "42 </think>", []) == ("", "42 </think>")


@pytest.mark.parametrize(
    ("style", "off", "on"),
    [
        (ThinkingStyle.DASHSCOPE, {"enable_thinking": False}, {"enable_thinking": True}),
        (
            ThinkingStyle.TEMPLATE,
            {"chat_template_kwargs": {"enable_thinking": False}},
            {"chat_template_kwargs": {"enable_thinking": True}},
        ),
        (ThinkingStyle.EFFORT, {"reasoning_effort": "none"}, {}),
        (
            ThinkingStyle.BOTH,
            {"enable_thinking": False, "chat_template_kwargs": {"enable_thinking": False}},
            {"enable_thinking": True, "chat_template_kwargs": {"enable_thinking": True}},
        ),
        (ThinkingStyle.PROMPT, {}, {}),
        (ThinkingStyle.NONE, {}, {}),
    ],
)
def test_each_kind_of_server_has_its_switch(
    style: ThinkingStyle, off: dict[str, object], on: dict[str, object]
) -> None:
    """Thinking is switched by the fields the server knows."""
    assert thinking_fields(style, thinking=False) == off
    assert thinking_fields(style, thinking=True) == on
