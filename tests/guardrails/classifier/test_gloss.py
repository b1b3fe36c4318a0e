from pathlib import Path

from guardrails.classifier.gloss import UNKNOWN, Gloss


def test_the_longest_word_wins() -> None:
    """A compound is glossed as a whole, not by its parts."""
    gloss = Gloss({"炸": "fry", "炸弹": "bomb", "怎么": "how to", "做": "make"})
    assert gloss.translate("怎么做炸弹") == "how to make bomb"


def test_unknown_characters_are_marked_once() -> None:
    """A run of unknown characters becomes one mark, so that the encoder sees the gap."""
    assert Gloss({"茶": "tea"}).translate("魑魅魍魉茶") == f"{UNKNOWN} tea"


def test_dropped_words_leave_nothing() -> None:
    """A word with an empty gloss disappears; other scripts and punctuation stay."""
    assert Gloss({"的": "", "书": "book"}).translate("python 的书?") == "python book ?"


def test_a_lexicon_is_read_from_a_file(tmp_path: Path) -> None:
    """Entries share lines, comments are skipped, the first entry of a word counts."""
    path = tmp_path / "gloss.txt"
    path.write_text("# 茶=no\n茶=tea 炸弹=bomb of a kind\n茶=other\n", encoding="utf-8")
    assert Gloss.load(path).translate("茶炸弹") == "tea bomb of a kind"
