"""Cutting texts into sentences."""

import pytest

from guardrails.sentences import last_end, sentences


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("一句。两句！三句？", ["一句。", "两句！", "三句？"]),
        ("He said “no.” Then left.", ["He said “no.”", "Then left."]),
        ("Version 1.2.3 is out\nGet it", ["Version 1.2.3 is out", "Get it"]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_sentences_end_at_stops_and_lines(text: str, cut: list[str]) -> None:
    """Stops inside numbers are none; quotes stay with their sentence."""
    assert sentences(text) == cut


def test_a_sentence_without_end_is_cut() -> None:
    """No piece grows beyond what a classifier reads."""
    assert max(map(len, sentences("word " * 500))) <= 400


def test_the_last_complete_sentence_is_found() -> None:
    """What follows it is incomplete."""
    text = "One. Two"
    assert text[: last_end(text)] == "One."
    assert last_end("One. bob.") == len("One.")
    assert last_end("一句。") == 3
    assert last_end("Two") == 0
