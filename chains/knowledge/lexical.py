"""BM25 over our own terms, on arrays that any number of processes map.

Parameters are those of Lucene's variant as Anserini tuned them (k1 .9, b .4). The vocabulary is
kept as sorted hashes: opening an index reads nothing, and workers share its memory.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import bm25s
import numpy as np
from bm25s.tokenization import Tokenized
from numpy.typing import NDArray
from typing_extensions import override

_K1: Final = 0.9
_B: Final = 0.4
_CONTEXT: Final = 0.5
_FOLDER: Final = "bm25"
_TERMS: Final = "terms.npy"
_TERM_IDS: Final = "term_ids.npy"
_WORDS: Final = "words.npy"
_WORD_OFFSETS: Final = "word_offsets.npy"
_VOCABULARY: Final = "vocabulary.txt"


class Vocabulary:
    """Terms and their ids while an index is built; ids never change, so old ones stay valid.

    Args:
        terms: Terms of an earlier version, in the order of their ids.
    """

    def __init__(self, terms: Iterable[str] = ()) -> None:
        self._ids = {term: number for number, term in enumerate(terms)}

    def ids(self, terms: Sequence[str]) -> NDArray[np.int32]:
        """The ids of terms, new ones for those not seen before."""
        known = self._ids
        return np.fromiter(
            (known.setdefault(term, len(known)) for term in terms), np.int32, len(terms)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


class _Words(Sequence[list[int]]):
    """Term ids a passage, handed out as lists one at a time: lists of all would take gigabytes."""

    def __init__(self, passages: Sequence[NDArray[np.int32]]) -> None:
        self._passages = passages

    @override
    def __getitem__(self, index: int) -> list[int]:  # type: ignore[override] # no slices are asked for
        ids: list[int] = self._passages[index].tolist()
        return ids

    @override
    def __iter__(self) -> Iterator[list[int]]:
        return (ids.tolist() for ids in self._passages)

    @override
    def __len__(self) -> int:
        return len(self._passages)


def write_lexical(
    folder: Path, passages: Sequence[NDArray[np.int32]], vocabulary: Vocabulary
) -> None:
    """Write the index of passages, given as the ids of their terms, to a folder.

    Args:
        folder: An existing folder.
        passages: Arrays of shape (terms of the passage,).
        vocabulary: What the ids stand for.
    """
    lengths = np.asarray([len(ids) for ids in passages], dtype=np.int64)
    np.save(folder / _WORD_OFFSETS, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))
    np.save(folder / _WORDS, np.concatenate([*passages, np.empty(0, np.int32)]))
    (folder / _VOCABULARY).write_text("\n".join(vocabulary), encoding="utf-8")
    hashes = np.fromiter(map(_hash, vocabulary), np.uint64, len(vocabulary))
    order = np.argsort(hashes)
    np.save(folder / _TERMS, hashes[order])
    np.save(folder / _TERM_IDS, order.astype(np.int64))
    if not lengths.any():
        return
    index = bm25s.BM25(method="lucene", k1=_K1, b=_B)
    # A term of no passage is appended: an index of one term would have no column after it.
    ids = {number: number for number in range(len(vocabulary) + 1)}
    words = Tokenized(ids=_Words(passages), vocab=ids)
    index.index(words, create_empty_token=False, show_progress=False)
    index.vocab_dict = {}  # ours is kept beside it
    index.save(folder / _FOLDER, show_progress=False)


class Lexical:
    """Reads what `write_lexical` wrote.

    Raises:
        OSError: A file is missing.
        ValueError: A file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._terms = np.load(folder / _TERMS, mmap_mode="r")
        self._term_ids = np.load(folder / _TERM_IDS, mmap_mode="r")
        self._words = np.load(folder / _WORDS, mmap_mode="r")
        self._word_offsets = np.load(folder / _WORD_OFFSETS, mmap_mode="r")
        self._index = (
            bm25s.BM25.load(folder / _FOLDER, mmap=True, load_vocab=False, show_progress=False)
            if len(self._words)
            else None
        )

    def __len__(self) -> int:
        return len(self._word_offsets) - 1

    def words(self, passage: int) -> NDArray[np.int32]:
        """Ids of a passage's terms, in order. Shape (terms of the passage,)."""
        start, end = self._word_offsets[passage : passage + 2]
        words: NDArray[np.int32] = self._words[start:end]
        return words

    def vocabulary(self) -> Vocabulary:
        """All terms, to build the next version from."""
        text = (self._folder / _VOCABULARY).read_text(encoding="utf-8")
        return Vocabulary(text.split("\n") if text else ())

    def match(self, terms: Sequence[str], context: Sequence[str] = ()) -> NDArray[np.float32]:
        """Score every passage against a query's terms; how often a term is repeated is ignored.

        BM25's sum is divided by the most a passage could reach that repeated every term for ever,
        terms the index does not know included: so scores of different queries can be compared, and
        a query about something else scores low though one word of it is found.

        Args:
            terms: What is asked.
            context: What was asked before; it counts half.

        Returns:
            Shape (passages,); 0 where no term is shared, at most 1.
        """
        own = dict.fromkeys(terms)
        before = [term for term in dict.fromkeys(context) if term not in own]
        scores, best = self._sums([*own])
        if before:
            more, most = self._sums(before)
            scores += np.float32(_CONTEXT) * more
            best += _CONTEXT * most
        return scores / np.float32(best or 1.0)

    def _sums(self, terms: Sequence[str]) -> tuple[NDArray[np.float32], float]:
        """BM25 of every passage, and the most that one could reach."""
        ids = self._ids(terms)
        most = float(self.idf(ids).sum()) + (len(terms) - len(ids)) * self._idf_of_nothing()
        if self._index is None or not len(ids):
            return np.zeros(len(self), np.float32), most
        scores: NDArray[np.float32] = self._index.get_scores_from_ids(ids.tolist())
        return scores, most

    def idf(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """How much terms tell: Lucene's inverse document frequency. Shape as `ids`."""
        if self._index is None:
            return np.zeros(ids.shape)
        starts = self._index.scores["indptr"]
        found = starts[ids + 1] - starts[ids]
        weights: NDArray[np.float64] = np.log1p((len(self) - found + 0.5) / (found + 0.5))
        return weights

    def _idf_of_nothing(self) -> float:
        return float(np.log1p((len(self) + 0.5) / 0.5))

    def _ids(self, terms: Sequence[str]) -> NDArray[np.int64]:
        """Ids of those terms the index knows."""
        hashes = np.fromiter(map(_hash, terms), np.uint64, len(terms))
        at = np.searchsorted(self._terms, hashes)
        at[at == len(self._terms)] = 0
        known = self._terms[at] == hashes if len(self._terms) else np.zeros(len(terms), bool)
        ids: NDArray[np.int64] = self._term_ids[at[known]]
        return ids


def _hash(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "little")
