import numpy as np

from guardrails.classifier.features import (
    BUCKETS,
    CHAR_BITS,
    MAX_CHARACTERS,
    char_indices,
    normalise,
    word_indices,
)


def test_forms_of_one_character_are_folded() -> None:
    """Full-width letters, capitals, odd spaces and invisible characters do not change features."""
    assert normalise("ＨＯＷ\u200b  do\tI") == "how do i"


def test_a_long_text_keeps_its_start_and_its_end() -> None:
    """Only the middle of an over-long text is left out."""
    folded = normalise("start " + "x" * 50_000 + " end")
    assert folded.startswith("start ")
    assert folded.endswith(" end")
    assert len(folded) <= MAX_CHARACTERS + 1


def test_lone_surrogates_are_no_error() -> None:
    """Text that is no valid Unicode still has features."""
    assert len(char_indices(normalise("\ud800 hello"))) > 0


def test_indices_lie_in_their_blocks() -> None:
    """Character buckets come first, word buckets after them, all inside the table."""
    chars, words = char_indices("how do i bake bread"), word_indices("how do i bake bread")
    assert chars.max() < 1 << CHAR_BITS <= words.min()
    assert words.max() < BUCKETS


def test_features_are_the_same_in_every_process() -> None:
    """Hashes depend on no per-process seed: these buckets were computed once and written down."""
    assert char_indices("ab").tolist() == sorted(char_indices("ab").tolist())
    assert word_indices("bread").tolist() == [FIXED_WORD]
    assert np.array_equal(word_indices("bread"), word_indices("bread"))


def test_an_empty_text_has_few_features() -> None:
    """Nothing in, nearly nothing out, no error."""
    assert len(word_indices("")) == 0
    assert len(char_indices("")) <= 3


FIXED_WORD = 300973
