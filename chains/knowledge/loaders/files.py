"""Which loader reads which file."""

import codecs
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from chains.knowledge.document import Document
from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders.markdown import load_markdown
from chains.knowledge.loaders.rows import load_csv, load_jsonl
from chains.knowledge.loaders.text import load_text

Loader = Callable[[bytes, str], Document]
"""Reads a file's bytes, given the title to use where it tells none."""


def _of_text(load: Callable[..., Document]) -> Loader:
    return lambda data, title: load(_decoded(data), title=title)


def _imported(module: str, name: str) -> Loader:
    """A loader whose library is imported when the first file needs it: together they take long."""

    def load(data: bytes, title: str) -> Document:
        document: Document = getattr(importlib.import_module(module), name)(data, title)
        return document

    return load


_HERE: Final = "chains.knowledge.loaders"

LOADERS: Final[Mapping[str, Loader]] = {
    ".md": _of_text(load_markdown),
    ".markdown": _of_text(load_markdown),
    ".txt": _of_text(load_text),
    ".text": _of_text(load_text),
    ".rst": _of_text(load_text),
    ".csv": _of_text(load_csv),
    ".tsv": _of_text(load_csv),
    ".jsonl": _of_text(load_jsonl),
    ".html": _imported(f"{_HERE}.html", "load_html"),
    ".htm": _imported(f"{_HERE}.html", "load_html"),
    ".pdf": _imported(f"{_HERE}.pdf", "load_pdf"),
    ".docx": _imported(f"{_HERE}.docx", "load_docx"),
}
"""By suffix, in lower case."""

_FIRST_HIGH: Final = 0x80
_DENSE: Final = 0.25


def can_load(path: Path) -> bool:
    """Whether a loader knows the suffix."""
    return path.suffix.lower() in LOADERS


def load(path: Path, data: bytes) -> Document:
    """Read a document.

    Args:
        path: Its suffix chooses the loader, its name is the title where the document has none.
        data: The file's bytes.

    Raises:
        UnreadableDocumentError: No loader knows the format, or the file is no document of it.
    """
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        known = ", ".join(sorted(LOADERS))
        raise UnreadableDocumentError(f"It is not one of {known}.")
    try:
        document = loader(data, _title_of(path))
    except UnreadableDocumentError:
        raise
    except Exception as error:  # noqa: BLE001 - libraries raise anything for a broken file
        kind = path.suffix[1:].upper()
        reason = type(error).__name__
        raise UnreadableDocumentError(f"It cannot be read as {kind} ({reason}).") from None
    if not document.sections:
        raise UnreadableDocumentError("It holds no text.")
    return document


def _decoded(data: bytes) -> str:
    """Decode text that does not say how it is written; UTF-8 unless it cannot be."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(data, "utf-16")
    if b"\0" in data:
        raise UnreadableDocumentError("It is not text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Two bytes of an older encoding are one Chinese character or two Latin letters: Chinese
        # text has many of them, Latin text a few among plain letters.
        dense = sum(byte >= _FIRST_HIGH for byte in data) > len(data) * _DENSE
        return _strictly(data, "gb18030" if dense else "cp1252")


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableDocumentError("The text is in no encoding we know; use UTF-8.") from None


def _title_of(path: Path) -> str:
    words = path.stem.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
