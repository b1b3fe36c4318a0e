"""Looking through folders for documents, and telling what changed since they were indexed."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chains.knowledge.builder import Addition
from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders.files import can_load, load
from chains.knowledge.version import DocumentRecord, Root

MAX_BYTES: Final = 64 * 1024 * 1024
"""Largest file that is read."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be a document."""

    path: Path
    root: str
    doc_id: str
    """Its root's name and its path below it, with slashes on every system."""


def files_of(root: Root) -> Iterator[FoundFile]:
    """The documents of a file or folder, sorted; hidden files and foreign formats left out.

    A folder's symbolic links to folders are not followed: they may lead round in circles.

    Raises:
        FileNotFoundError: The root itself is gone.
    """
    if root.path is None:
        return
    top = Path(root.path)
    if not top.exists():
        raise FileNotFoundError(root.path)
    if top.is_file():
        yield FoundFile(top, root.name, root.name)
        return
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and can_load(path):
                inside = path.relative_to(top).as_posix()
                yield FoundFile(path, root.name, f"{root.name}/{inside}")


def looks_unchanged(file: FoundFile, record: DocumentRecord) -> bool:
    """Whether size and time of writing are those of when the file was indexed."""
    stat = file.path.stat()
    return (stat.st_size, stat.st_mtime_ns) == (record.size, record.modified_ns)


def read(file: FoundFile, known: DocumentRecord | None = None) -> Addition | None:
    """Read a file.

    Returns:
        Its document, or None where its bytes are those of `known`.

    Raises:
        UnreadableDocumentError: It cannot be read; the message says why.
    """
    try:
        stat = file.path.stat()
        if stat.st_size > MAX_BYTES:
            raise UnreadableDocumentError(f"larger than {MAX_BYTES >> 20} MiB")
        data = file.path.read_bytes()
    except OSError as error:
        raise UnreadableDocumentError((error.strerror or "cannot be opened").lower()) from None
    digest = hashlib.sha256(data).hexdigest()
    if known is not None and known.digest == digest:
        return None
    return Addition(
        id=file.doc_id,
        root=file.root,
        digest=digest,
        document=load(file.path, data),
        size=len(data),
        modified_ns=stat.st_mtime_ns,
    )
