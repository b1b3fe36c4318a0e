"""Writing a version of the index from new documents and those of the version before."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chains.knowledge.document import Document
from chains.knowledge.lexical import Vocabulary, write_lexical
from chains.knowledge.records import write_records
from chains.knowledge.splitter import Piece, split
from chains.knowledge.tokens import Tokenizer
from chains.knowledge.version import (
    DOCUMENT_OF,
    DOCUMENTS,
    FORMAT,
    MANIFEST,
    PASSAGE_IDS,
    PASSAGES,
    DocumentRecord,
    IndexVersion,
    Manifest,
    PassageRecord,
    Root,
    passage_id,
)

_REPEATED: Final = 3
"""How often a term of a passage counts: a listing that repeats a word is not more about it."""


@dataclass(frozen=True, slots=True)
class Addition:
    """A document to index."""

    id: str
    root: str
    digest: str
    document: Document = field(repr=False)
    size: int | None = None
    modified_ns: int | None = None


class IndexWriter:
    """Collects the documents of a version, then writes it.

    Args:
        before: The version before: its documents are kept without being read again.
    """

    def __init__(self, before: IndexVersion | None = None) -> None:
        self._before = before
        self._tokenizer = Tokenizer()
        self._vocabulary = before.lexical.vocabulary() if before else Vocabulary()
        self._documents: list[DocumentRecord] = []
        self._sources: list[tuple[PassageRecord, ...] | range] = []
        self._words: list[NDArray[np.int32]] = []

    def keep(self, record: DocumentRecord) -> None:
        """Take a document over from the version before."""
        numbers = range(record.first, record.first + record.count)
        self._append(record, numbers, [self._old.lexical.words(number) for number in numbers])

    def add(self, addition: Addition) -> int:
        """Split a new document and index its passages.

        Returns:
            How many passages it has.
        """
        document = addition.document
        passages = tuple(_passages(addition.id, split(document)))
        record = DocumentRecord(
            id=addition.id,
            root=addition.root,
            title=document.title,
            digest=addition.digest,
            first=0,
            count=0,
            url=document.url,
            size=addition.size,
            modified_ns=addition.modified_ns,
        )
        # A document without a title is called by its id, which is no word of it.
        title = "" if document.title == addition.id else document.title
        words = [self._words_of(title, passage) for passage in passages]
        self._append(record, passages, words)
        return len(passages)

    def write(self, folder: Path, roots: Sequence[Root]) -> Manifest:
        """Write everything collected to an empty folder.

        Args:
            folder: The draft of a version.
            roots: Where the documents come from.
        """
        write_records(folder, DOCUMENTS, map(asdict, self._documents))
        ids: list[int] = []
        write_records(folder, PASSAGES, self._written(ids))
        counts = [record.count for record in self._documents]
        np.save(folder / DOCUMENT_OF, np.repeat(np.arange(len(counts), dtype=np.int32), counts))
        np.save(folder / PASSAGE_IDS, np.asarray(ids, dtype=np.uint64))
        write_lexical(folder, self._words, self._vocabulary)
        manifest = Manifest(FORMAT, tuple(roots), len(self._documents), len(self._words))
        (folder / MANIFEST).write_bytes(manifest.to_json())
        return manifest

    @property
    def _old(self) -> IndexVersion:
        if self._before is None:
            raise ValueError("There is no version before to keep anything of.")
        return self._before

    def _append(
        self,
        record: DocumentRecord,
        source: tuple[PassageRecord, ...] | range,
        words: Sequence[NDArray[np.int32]],
    ) -> None:
        self._documents.append(replace(record, first=len(self._words), count=len(words)))
        self._sources.append(source)
        self._words.extend(words)

    def _words_of(self, title: str, passage: PassageRecord) -> NDArray[np.int32]:
        # Headings say what a passage is about, and tell it from its neighbours: they count twice.
        about = passage.heading or title
        terms = self._tokenizer.tokens(f"{title}\n{about}\n{about}")
        terms.extend(_at_most(_REPEATED, self._tokenizer.tokens(passage.text)))
        return self._vocabulary.ids(terms)

    def _written(self, ids: list[int]) -> Iterator[dict[str, object]]:
        for source in self._sources:
            for passage in source:
                record = self._old.passage(passage) if isinstance(passage, int) else passage
                ids.append(int(record.id, 16))
                yield asdict(record)


def _at_most(times: int, terms: Sequence[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for term in terms:
        seen[term] += 1
        if seen[term] <= times:
            yield term


def _passages(doc_id: str, pieces: Iterator[Piece]) -> Iterator[PassageRecord]:
    seen: Counter[str] = Counter()
    for piece in pieces:
        words = f"{piece.heading or ''}\0{piece.text}"
        name = passage_id(doc_id, words, seen[words])
        seen[words] += 1
        yield PassageRecord(name, piece.text, piece.heading, piece.page)
