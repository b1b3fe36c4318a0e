import numpy as np
from numpy.typing import NDArray

from chains.knowledge.diversity import diverse


def equal(ids: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.ones(ids.shape)


def words(*ids: int) -> NDArray[np.int32]:
    return np.asarray(ids, np.int32)


SCORES = np.asarray([0.9, 0.88, 0.6], np.float32)
TWINS = [words(1, 2, 3), words(1, 2, 3), words(4, 5)]


def test_a_repetition_is_left_out() -> None:
    """Of two passages that say the same only the better one is chosen, however many are asked."""
    assert diverse(SCORES, TWINS, equal, limit=2) == [0, 2]
    assert diverse(SCORES, TWINS, equal, limit=9) == [0, 2]


def test_what_is_alike_comes_later() -> None:
    """A passage that repeats half of the best one gives way to a slightly worse different one."""
    passages = [words(1, 2, 3, 4), words(1, 2, 3, 9), words(5, 6)]
    scores = np.asarray([0.9, 0.8, 0.7], np.float32)

    assert diverse(scores, passages, equal, limit=3) == [0, 2, 1]


def test_relevance_alone_keeps_the_order() -> None:
    """With the whole weight on relevance nothing is moved."""
    assert diverse(SCORES, TWINS, equal, limit=3, balance=1) == [0, 1, 2]


def test_never_more_than_there_are() -> None:
    """No candidates choose none."""
    assert diverse(np.empty(0, np.float32), [], equal, limit=3) == []


def test_a_passage_without_words_is_like_no_other() -> None:
    """Empty candidates are no division by zero."""
    assert diverse(SCORES[:2], [words(), words()], equal, limit=2) == [0, 1]
