"""Finding passages for a question, in whatever version of the index is current."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chains.knowledge.diversity import diverse
from chains.knowledge.errors import BrokenIndexError
from chains.knowledge.library import Library, index_folder
from chains.knowledge.shelf import Shelf
from chains.knowledge.tokens import Tokenizer
from chains.knowledge.version import IndexVersion
from chains.turn import Passage

_log = logging.getLogger(__name__)

_FIRST_UNSPACED: Final = "\u0e00"
_CANDIDATES: Final = 4


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least score of a passage that answers a question; below it the documents do not.

    Measured by asking about articles that are in the index and about others. Of questions that can
    be answered 2 % (SQuAD) and 0.4 % (CMRC) are lost; of the others 69 % and 77 % are recognised
    among six hundred to a thousand passages, more among fewer.
    """

    spaced: float = 0.25
    """For questions in words."""
    unspaced: float = 0.28
    """For questions in characters and their pairs, which repeat one another."""

    def of(self, terms: Sequence[str]) -> float:
        """The threshold for a question of these terms."""
        unspaced = sum(term[0] >= _FIRST_UNSPACED for term in terms)
        return self.unspaced if unspaced * 2 > len(terms) else self.spaced


_INLINE_PASSAGES: Final = 20_000
_FOLLOW_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Hit:
    """A passage and how well it fits."""

    number: int
    """Of the passage, in the version that was searched."""
    score: float
    """From 0 to 1, comparable between queries: `chains.knowledge.lexical.Lexical.match`."""


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage with what a reader needs to judge it."""

    id: str
    doc_id: str
    title: str
    """Of the document."""
    text: str = field(repr=False)
    heading: str | None = None
    page: int | None = None
    url: str | None = None
    neighbours: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Id and text of the passages before and after it in its document."""


class Retriever:
    """Searches the current version of an index; follows it when another becomes current.

    Opening maps files and reads next to nothing, so every process may have its own.

    Args:
        folder: Where the index is kept; it may not exist yet.
        thresholds: Least scores of passages that `search` returns.
        clock: Seconds, monotonic.

    Raises:
        BrokenIndexError: There is an index, and it cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        thresholds: Thresholds = Thresholds(),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._shelf = Shelf(folder)
        self._thresholds = thresholds
        self._clock = clock
        self._tokenizer = Tokenizer()
        self._name = self._shelf.current()
        self._version = self._shelf.open()
        self._looked = clock()

    @property
    def passages(self) -> int:
        """How many passages can be found."""
        return len(self._follow() or ())

    async def search(self, query: str, *, limit: int = 6, context: str = "") -> tuple[Passage, ...]:
        """Find the passages that answer a question and say different things, best first.

        Args:
            query: The question, in any language.
            limit: Most passages.
            context: What was asked before, where the question leans on it; it counts half.

        Returns:
            Nothing where the answer is not in the documents: no passage scores enough.
        """
        version = self._follow()
        if version is None:
            return ()
        if len(version) > _INLINE_PASSAGES:
            return await asyncio.to_thread(self._search, version, query, context, limit)
        return self._search(version, query, context, limit)

    async def passage(self, passage_id: str) -> PassageView | None:
        """The passage behind a citation with its neighbours, if it is (still) in the documents."""
        version = self._follow()
        number = version.find(passage_id) if version else None
        if version is None or number is None:
            return None
        record = version.passage(number)
        document = version.document(version.document_of(number))
        inside = range(document.first, document.first + document.count)
        near = [version.passage(each) for each in (number - 1, number + 1) if each in inside]
        return PassageView(
            id=record.id,
            doc_id=document.id,
            title=document.title,
            text=record.text,
            heading=record.heading,
            page=record.page,
            url=document.url,
            neighbours=tuple((each.id, each.text) for each in near),
        )

    def ranked(self, query: str, *, limit: int) -> tuple[Passage, ...]:
        """All passages that share a word with the query, best first: no threshold, no variety."""
        version = self._follow()
        if version is None:
            return ()
        hits = _hits(version.lexical.match(self._tokenizer.tokens(query)), limit)
        return tuple(_passage(version, hit) for hit in hits)

    def least_score(self, query: str) -> float:
        """The score from which `search` takes a passage for an answer to `query`."""
        return self._thresholds.of(self._tokenizer.tokens(query))

    def _search(
        self, version: IndexVersion, query: str, context: str, limit: int
    ) -> tuple[Passage, ...]:
        terms, before = self._tokenizer.tokens(query), self._tokenizer.tokens(context)
        if not any(character.isalpha() for term in (*terms, *before) for character in term):
            return ()  # a sum, a date, a smile: numbers alone ask nothing of documents
        least = self._thresholds.of([*terms, *before])
        hits = _hits(version.lexical.match(terms, before), limit * _CANDIDATES)
        hits = [hit for hit in hits if hit.score >= least]
        chosen = diverse(
            np.asarray([hit.score for hit in hits], np.float32),
            [version.lexical.words(hit.number) for hit in hits],
            version.lexical.idf,
            limit=limit,
        )
        return tuple(_passage(version, hits[each]) for each in chosen)

    def _follow(self) -> IndexVersion | None:
        """The current version; at most once a second it is asked which one that is."""
        now = self._clock()
        if now - self._looked >= _FOLLOW_S:
            self._looked = now
            name = self._shelf.current()
            if name != self._name:
                try:
                    self._version, self._name = self._shelf.open(), name
                except BrokenIndexError:
                    # What is open still answers; whoever wrote the broken one was told.
                    self._name = name
        return self._version


async def open_retriever(guide: Path | None, data_dir: Path) -> Retriever:
    """Open the knowledge base of a data directory, its index brought up to date with the guide.

    Args:
        guide: The folder of documents that ship with the product; None for none.
        data_dir: Where everything is kept that was added or built.
    """
    folder = index_folder(data_dir)
    try:
        await asyncio.to_thread(Library(folder, guide).ensure)
    except OSError as error:
        # A read-only disk may hold an index; without one, answers go without documents.
        _log.warning("The knowledge index could not be written (%s).", type(error).__name__)
    return Retriever(folder)


def _hits(scores: NDArray[np.float32], limit: int) -> list[_Hit]:
    if limit < len(scores):
        top = np.argpartition(scores, -limit)[-limit:]
    else:
        top = np.arange(len(scores))
    # Of equal scores the earlier passage comes first, in every process.
    top = top[np.lexsort((top, -scores[top]))]
    return [_Hit(int(each), float(scores[each])) for each in top if scores[each] > 0]


def _passage(version: IndexVersion, hit: _Hit) -> Passage:
    record = version.passage(hit.number)
    document = version.document(version.document_of(hit.number))
    return Passage(
        id=record.id,
        doc_id=document.id,
        title=document.title,
        text=record.text,
        url=document.url,
        page=record.page,
        heading=record.heading,
        score=hit.score,
    )
