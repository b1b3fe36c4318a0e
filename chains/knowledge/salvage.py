"""Saving what an index holds that no file can give back, when the index itself cannot be used."""

from dataclasses import dataclass

from chains.knowledge.builder import Addition
from chains.knowledge.document import Block, Document, Section
from chains.knowledge.records import Records
from chains.knowledge.shelf import Shelf
from chains.knowledge.splitter import SEPARATOR
from chains.knowledge.version import (
    DOCUMENTS,
    LINES,
    MANIFEST,
    PASSAGES,
    DocumentRecord,
    Manifest,
    PassageRecord,
    Root,
)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be read of an unusable version."""

    roots: tuple[Root, ...] = ()
    lines: tuple[Addition, ...] = ()
    """Documents that have no file, put together again from their passages."""


def salvage(shelf: Shelf) -> Salvaged:
    """Read the roots, and the documents without a file, of the current version as far as they go.

    An index of an earlier format is read by its records, whose layout stays; of a damaged one
    whatever can be read is kept.
    """
    name = shelf.current()
    if name is None:
        return Salvaged()
    folder = shelf.folder / name
    try:
        roots = Manifest.from_json((folder / MANIFEST).read_bytes()).roots
    except (OSError, ValueError, TypeError, KeyError):
        roots = ()
    try:
        documents, passages = Records(folder, DOCUMENTS), Records(folder, PASSAGES)
        lines = tuple(
            _document(record, passages)
            for record in map(DocumentRecord.from_json, documents)
            if record.root == LINES
        )
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        lines = ()
    return Salvaged(roots, lines)


def _document(record: DocumentRecord, passages: Records) -> Addition:
    numbers = range(record.first, record.first + record.count)
    pieces = [PassageRecord.from_json(passages[number]) for number in numbers]
    sections = tuple(
        Section(
            (Block(piece.text),),
            tuple(filter(None, (piece.heading or "").split(SEPARATOR))),
            piece.page,
        )
        for piece in pieces
    )
    document = Document(record.title, sections, record.url)
    return Addition(record.id, record.root, record.digest, document)
