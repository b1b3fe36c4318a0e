from pathlib import Path

import numpy as np
import pytest

from chains.knowledge.lexical import Lexical, Vocabulary, write_lexical


def index(folder: Path, *passages: str) -> Lexical:
    vocabulary = Vocabulary()
    write_lexical(folder, [vocabulary.ids(text.split()) for text in passages], vocabulary)
    return Lexical(folder)


def test_the_passage_with_the_rarer_word_wins(tmp_path: Path) -> None:
    """A word few passages have tells more than one that many have."""
    lexical = index(tmp_path, "cat dog", "cat cat", "cat zebra", "dog dog")

    scores = lexical.match(["cat", "zebra"])

    assert int(np.argmax(scores)) == 2
    assert scores[3] == 0


def test_scores_are_shares_of_what_could_be_reached(tmp_path: Path) -> None:
    """Words the index does not know lower the score; how often one is asked does not."""
    lexical = index(tmp_path, "cat dog", "bird fish")
    alone = lexical.match(["cat"])[0]

    assert 0 < alone < 1
    assert lexical.match(["cat", "cat", "cat"])[0] == alone
    assert lexical.match(["cat", "quark", "boson"])[0] < alone / 2


@pytest.mark.parametrize("terms", [[], ["unknown"], ["unknown", "words"]])
def test_nothing_known_scores_nothing(tmp_path: Path, terms: list[str]) -> None:
    """A query of unknown words, or of none, matches no passage."""
    assert not index(tmp_path, "cat dog", "bird").match(terms).any()


@pytest.mark.parametrize("passages", [[], [""], ["", ""]])
def test_an_index_without_words_answers_nothing(tmp_path: Path, passages: list[str]) -> None:
    """No documents, or documents without a single term, are no error."""
    lexical = index(tmp_path, *passages)

    assert len(lexical) == len(passages)
    assert not lexical.match(["cat"]).any()


def test_a_passage_without_words_does_not_move_the_others(tmp_path: Path) -> None:
    """Numbers of passages stay those of what was written."""
    lexical = index(tmp_path, "", "cat", "")

    assert lexical.match(["cat"]).nonzero()[0].tolist() == [1]
    assert lexical.words(0).tolist() == []


def test_words_and_vocabulary_can_be_taken_over(tmp_path: Path) -> None:
    """The next version continues the ids of the one before."""
    lexical = index(tmp_path, "cat dog", "dog")

    vocabulary = lexical.vocabulary()

    assert list(vocabulary) == ["cat", "dog"]
    assert vocabulary.ids(["dog", "new"]).tolist() == [1, 2]
    assert [lexical.words(number).tolist() for number in (0, 1)] == [[0, 1], [1]]
    (empty := tmp_path / "empty").mkdir()
    assert list(index(empty).vocabulary()) == []


def test_context_counts_half(tmp_path: Path) -> None:
    """What was asked before lifts passages, less than what is asked now."""
    lexical = index(tmp_path, "cat sat", "dog sat", "cat dog")

    scores = lexical.match(["cat"], ["dog", "cat"])

    assert scores[2] > scores[0] > scores[1] > 0
    assert lexical.match([], ["dog"]).tolist() == lexical.match(["dog"]).tolist()
