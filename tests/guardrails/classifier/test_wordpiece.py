import pytest

from guardrails.classifier.wordpiece import WordPiece, basic_tokens

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "bake", "bread", "##s", "a", "##b", "?"]


def test_words_split_at_punctuation_and_chinese_characters() -> None:
    """Punctuation and each Han character stand alone; accents are dropped."""
    assert basic_tokens("café, 你好!") == ["cafe", ",", "你", "好", "!"]


def test_the_longest_piece_wins() -> None:
    """A word outside the vocabulary is spelt with the longest pieces from the left."""
    assert WordPiece(PIECES).encode("bake breads?", 16) == [2, 4, 5, 6, 9, 3]


def test_an_unknown_word_is_one_unknown_piece() -> None:
    """A word that cannot be spelt, or is absurdly long, becomes [UNK]."""
    assert WordPiece(PIECES).encode("xyz " + "a" * 100, 16) == [2, 1, 1, 3]


def test_views_cover_a_long_text() -> None:
    """The first view holds both ends, the others the middle, up to the asked number."""
    wordpiece = WordPiece(PIECES)
    text = " ".join(["bake"] + ["a"] * 10 + ["bread"])
    views = wordpiece.views(text, 6, 9)
    assert views[0] == [2, 4, 7, 7, 5, 3]
    assert sum(len(view) - 2 for view in views) == 12
    assert all(len(view) <= 6 for view in views)
    assert len(wordpiece.views(text, 6, 2)) == 2
    assert wordpiece.encode(text, 6) == views[0]


def test_a_vocabulary_without_special_pieces_is_refused() -> None:
    """A damaged vocabulary is an error at once, not a wrong id later."""
    with pytest.raises(ValueError, match=r"\[SEP\]"):
        WordPiece(["[PAD]", "[UNK]", "[CLS]"])
