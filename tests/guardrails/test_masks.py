"""Hiding personal data in a text that arrives in windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.masks import LONGEST_HELD, complete_part, masked
from guardrails.pii import Detectors, Kind

ALL = Detectors(frozenset(Kind))


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("Hello there. ", "Hello there. "),
        ("Hello there. Call +44 77", "Hello there."),
        ("Hello there. Write to bob", "Hello there."),
        ("Hello there. And so, ", "Hello there. And so, "),
        ("写信给 bob@cor", ""),
        ("The code:\n-----BEGIN PRIVATE KEY-----\nMII", "The code:\n"),
    ],
)
def test_what_may_go_on_is_kept_back(text: str, complete: str) -> None:
    """A sentence that may still hold personal data waits for its end."""
    assert text[: complete_part(text)] == complete


def test_text_without_any_end_is_released_in_time() -> None:
    """A long list of numbers is not kept back for ever."""
    numbers = "12 " * 400
    assert LONGEST_HELD / 2 < complete_part(numbers) < len(numbers)


def test_spans_are_replaced_and_counted_in_the_new_text() -> None:
    """Positions of edits are those of what a reader sees."""
    text = "Mail a@b.io, card 4111111111111111!"
    hidden, edits = masked(text, ALL.find(text), lambda kind: f"[{kind.value}]", "privacy")
    assert hidden == "Mail [email], card [card]!"
    assert [(hidden[e.start : e.end], e.kind, e.principle) for e in edits] == [
        ("[email]", "email", "privacy"),
        ("[card]", "card", "privacy"),
    ]


SECRETS = ("bob.smith@corp.co.uk", "+44 7700 900461", "4111 1111 1111 1111")


@given(
    st.sampled_from(SECRETS),
    st.text(alphabet="ab .\n,1", max_size=60),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=40),
)
def test_however_it_is_cut_nothing_leaks(secret: str, before: str, sizes: list[int]) -> None:
    """Personal data cut into windows anywhere never leaves in pieces."""
    whole = f"{before} mine: {secret} is it. "
    held, released, position = "", "", 0
    while position < len(whole):
        size = sizes[position % len(sizes)]
        held += whole[position : position + size]
        position += size
        cut = len(held) if position >= len(whole) else complete_part(held)
        part, held = held[:cut], held[cut:]
        released += masked(part, ALL.find(part), lambda _: "X", "privacy")[0]
    assert secret not in released
    assert released.endswith("is it. ")
