"""One version of the index on disk: documents, passages, terms. Written once, then only read."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from chains.knowledge import splitter, tokens
from chains.knowledge.errors import BrokenIndexError
from chains.knowledge.lexical import Lexical
from chains.knowledge.records import Records

FORMAT: Final = f"2.{tokens.VERSION}.{splitter.VERSION}"
"""Layout and weighting, terms, passages: an index of another format is built anew."""

GUIDE: Final = "guide"
"""Name of the root that holds the documents the product ships."""
LINES: Final = "lines"
"""Name of the root of documents that were handed in as lines."""

MANIFEST: Final = "manifest.json"
DOCUMENTS: Final = "documents"
PASSAGES: Final = "passages"
DOCUMENT_OF: Final = "document_of.npy"
PASSAGE_IDS: Final = "passage_ids.npy"


@dataclass(frozen=True, slots=True)
class Root:
    """A file or folder the documents come from; what `sync` looks at again."""

    name: str
    """First part of its documents' ids."""
    path: str | None
    """Absolute; None for documents that were handed in as lines and have no file."""


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as the index keeps it."""

    id: str
    root: str
    title: str
    digest: str
    """Of what was read: the same digest means the same passages."""
    first: int
    """Number of its first passage."""
    count: int
    """How many passages it has."""
    url: str | None = None
    size: int | None = None
    """Bytes of its file."""
    modified_ns: int | None = None
    """When its file was last written, in nanoseconds."""

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "DocumentRecord":
        """Read what was written, whatever later versions add to it."""
        return cls(**_known(record, cls))


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """A passage as the index keeps it."""

    id: str
    text: str = field(repr=False)
    heading: str | None = field(default=None, repr=False)
    page: int | None = None

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "PassageRecord":
        """Read what was written, whatever later versions add to it."""
        return cls(**_known(record, cls))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version is made of."""

    format: str
    roots: tuple[Root, ...]
    documents: int
    passages: int

    def to_json(self) -> bytes:
        """Write it down."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @classmethod
    def from_json(cls, data: bytes) -> "Manifest":
        """Read what `to_json` wrote."""
        found = orjson.loads(data)
        roots = tuple(Root(**root) for root in found.pop("roots"))
        return cls(roots=roots, **found)


def passage_id(doc_id: str, text: str, occurrence: int) -> str:
    """Name a passage after its document and words: the same while they are the same.

    Args:
        doc_id: Its document.
        text: Its words, with its heading.
        occurrence: How often the same words came before in this document.
    """
    words = f"{doc_id}\0{text}\0{occurrence}"
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class IndexVersion:
    """A version opened for reading. Opening maps files and reads next to nothing.

    Args:
        folder: Where it was written.

    Raises:
        FileNotFoundError: It is not there (any more).
        BrokenIndexError: It is damaged, or of another format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.manifest = Manifest.from_json((folder / MANIFEST).read_bytes())
        except (ValueError, TypeError, KeyError):
            raise _broken("its manifest is damaged") from None
        if self.manifest.format != FORMAT:
            raise _broken("it was written by another version of Covenant")
        try:
            self._documents = Records(folder, DOCUMENTS)
            self._passages = Records(folder, PASSAGES)
            self._document_of = np.load(folder / DOCUMENT_OF, mmap_mode="r")
            self._passage_ids = np.load(folder / PASSAGE_IDS, mmap_mode="r")
            self.lexical = Lexical(folder)
        except (ValueError, EOFError) as error:
            raise _broken("a file is damaged") from error
        sizes = {len(self._passages), len(self._document_of), len(self.lexical)}
        if sizes != {self.manifest.passages}:
            raise _broken("its files do not fit one another")

    def __len__(self) -> int:
        """How many passages it holds."""
        return self.manifest.passages

    def passage(self, number: int) -> PassageRecord:
        """The passage of that number."""
        return PassageRecord.from_json(self._passages[number])

    def document(self, number: int) -> DocumentRecord:
        """The document of that number."""
        return DocumentRecord.from_json(self._documents[number])

    def documents(self) -> Iterator[DocumentRecord]:
        """Every document, in order."""
        return map(self.document, range(len(self._documents)))

    def document_of(self, passage: int) -> int:
        """Number of the document a passage is from."""
        return int(self._document_of[passage])

    def find(self, passage_id: str) -> int | None:
        """Number of the passage of that id, if there is one."""
        try:
            key = np.uint64(int(passage_id, 16))
        except (ValueError, OverflowError):
            return None
        found = np.flatnonzero(self._passage_ids == key)
        if not len(found) or self.passage(int(found[0])).id != passage_id:
            return None
        return int(found[0])


def _known(record: dict[str, Any], kind: type) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def _broken(reason: str) -> BrokenIndexError:
    return BrokenIndexError(
        f"The knowledge index cannot be used: {reason}. Build it anew with: covenant kb sync"
    )
