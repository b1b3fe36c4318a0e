"""One change of a knowledge base: what is kept, read anew and dropped for the next version."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from chains.errors import BadRequestError
from chains.knowledge.builder import Addition, IndexWriter
from chains.knowledge.errors import BrokenIndexError, UnreadableDocumentError
from chains.knowledge.loaders.text import load_text
from chains.knowledge.salvage import Salvaged, salvage
from chains.knowledge.scan import FoundFile, files_of, looks_unchanged, read
from chains.knowledge.shelf import Shelf
from chains.knowledge.version import GUIDE, LINES, DocumentRecord, IndexVersion, Root

Phase = Literal["reading", "indexing"]
Progress = Callable[[Phase, int, int], None]
"""Called with the phase, how many of its documents are done, and how many there are."""


def silent(_phase: Phase, _done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Line:
    """A document handed in as text."""

    doc_id: str
    text: str = field(repr=False)
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be read."""

    name: str
    reason: str


@dataclass(slots=True)
class Changes:
    """What one run did."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False
    """It was stopped early; what it had read is indexed."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class Update:
    """A change in the making. `finish` writes it; until then nothing on the disk has changed.

    Args:
        shelf: Where the versions are; the caller is its only writer.
        guide: The root of the documents that ship; None for a base without them.
    """

    def __init__(self, shelf: Shelf, guide: Root | None) -> None:
        self.changes = Changes()
        self._shelf = shelf
        self._before, salvaged = _before(shelf)
        self._old_roots = _roots(self._before, salvaged)
        self.roots = [root for root in self._old_roots if root.name != GUIDE]
        if guide:
            self.roots.insert(0, guide)
        self._kept = {record.id: record for record in self._records()}
        self._additions = {line.id: line for line in salvaged.lines} if salvaged else {}
        if guide is None:
            self._remove_all(GUIDE)
        if salvaged is not None:
            # Nothing could be taken over: everything that has a file is read again.
            self.follow(self.roots)

    def follow_guide(self) -> None:
        """Look at the shipped documents, by their bytes: a new release may keep sizes and dates."""
        for root in [root for root in self.roots if root.name == GUIDE]:
            self._follow(self._files(root), silent, by_content=True)

    def follow(self, roots: Sequence[Root], progress: Progress = silent) -> None:
        """Look for new, changed and deleted files of roots."""
        files = [file for root in roots for file in self._files(root)]
        self._follow(files, progress, by_content=False)

    def add(self, paths: Sequence[Path], progress: Progress = silent) -> None:
        """Look at files and folders, and follow them from now on.

        A file that cannot be read is not followed: it would be reported for ever.
        """
        roots = [self._root_of(path) for path in paths]
        self.follow(roots, progress)
        named = {record.root for record in self._kept.values()}
        named |= {addition.root for addition in self._additions.values()}
        for root in roots:
            unread = root.path and Path(root.path).is_file() and root.name not in named
            if unread and root in self.roots:
                self.roots.remove(root)

    def _root_of(self, path: Path) -> Root:
        """The root of a path, made if it is new, with a name no other root has."""
        absolute = path.resolve()
        for root in self.roots:
            if root.path == str(absolute):
                return root
        taken = {root.name for root in self.roots} | {GUIDE, LINES}
        name, number = absolute.name, 1
        while name in taken or name in self._kept:
            number += 1
            name = f"{absolute.name}-{number}"
        self.roots.append(Root(name, str(absolute)))
        return self.roots[-1]

    def take_lines(self, lines: Sequence[Line], progress: Progress) -> None:
        """Take documents that have no file; one with the id of an earlier line replaces it."""
        if all(root.name != LINES for root in self.roots):
            self.roots.append(Root(LINES, None))
        seen: set[str] = set()
        for done, line in enumerate(lines, start=1):
            reason = "the id was given twice" if line.doc_id in seen else self._refused(line)
            if reason:
                self.changes.failures.append(Failure(line.doc_id, reason))
            seen.add(line.doc_id)
            progress("reading", done, len(lines))

    def drop(self, name: str) -> None:
        """Forget a root and its documents.

        Raises:
            BadRequestError: There is no root of that name, or it is the guide.
        """
        names = [root.name for root in self.roots if root.name != GUIDE]
        if name not in names:
            raise BadRequestError(
                f"{name} cannot be removed. What was added: {', '.join(names) or 'nothing'}."
            )
        self.roots = [root for root in self.roots if root.name != name]
        self._remove_all(name)

    def finish(self, progress: Progress = silent) -> None:
        """Write the next version, if it differs from the one before."""
        same = self._before is not None and tuple(self.roots) == self._old_roots
        if same and not self.changes:
            return
        writer = IndexWriter(self._before)
        for record in self._kept.values():
            writer.keep(record)
        for done, addition in enumerate(self._additions.values(), start=1):
            writer.add(addition)
            progress("indexing", done, len(self._additions))
        draft = self._shelf.draft()
        writer.write(draft, self.roots)
        self._shelf.publish(draft)

    def _records(self) -> Iterator[DocumentRecord]:
        return self._before.documents() if self._before else iter(())

    def _files(self, root: Root) -> list[FoundFile]:
        """A root's files; documents whose files are gone leave the index."""
        try:
            files = list(files_of(root))
        except FileNotFoundError:
            # A disk that is not mounted must not empty the knowledge base.
            reason = f"not there; its documents are kept (covenant kb remove {root.name})"
            self.changes.failures.append(Failure(root.path or root.name, reason))
            return []
        if root.path:
            present = {file.doc_id for file in files}
            self._remove_all(root.name, but=present)
        return files

    def _follow(self, files: Sequence[FoundFile], progress: Progress, *, by_content: bool) -> None:
        for done, file in enumerate(files, start=1):
            try:
                self._look_at(file, by_content=by_content)
            except UnreadableDocumentError as error:
                self.changes.failures.append(Failure(str(file.path), error.message))
            except KeyboardInterrupt:
                self.changes.interrupted = True
                return
            progress("reading", done, len(files))

    def _look_at(self, file: FoundFile, *, by_content: bool) -> None:
        if file.doc_id in self._additions:
            return  # read a moment ago
        known = self._kept.get(file.doc_id)
        if known and not by_content and looks_unchanged(file, known):
            self.changes.unchanged += 1
            return
        addition = read(file, known)
        if addition is None:
            self.changes.unchanged += 1
        else:
            self._take(addition)

    def _refused(self, line: Line) -> str | None:
        """Take a line, or say why not."""
        digest = hashlib.sha256(f"{line.title or ''}\0{line.text}".encode()).hexdigest()
        known = self._kept.get(line.doc_id)
        if known and known.root != LINES:
            return "the id is that of a file"
        if known and known.digest == digest:
            self.changes.unchanged += 1
            return None
        document = load_text(line.text, title=line.title or line.doc_id)
        if not document.sections:
            return "holds no text"
        self._take(Addition(line.doc_id, LINES, digest, document))
        return None

    def _take(self, addition: Addition) -> None:
        if self._kept.pop(addition.id, None) or addition.id in self._additions:
            self.changes.changed += 1
        else:
            self.changes.added += 1
        self._additions[addition.id] = addition

    def _remove_all(self, root: str, *, but: Collection[str] = ()) -> None:
        for record in [record for record in self._kept.values() if record.root == root]:
            if record.id not in but:
                del self._kept[record.id]
                self.changes.removed += 1


def _before(shelf: Shelf) -> tuple[IndexVersion | None, Salvaged | None]:
    """The version before; or, where it cannot be used, what could be saved of it."""
    try:
        return shelf.open(), None
    except BrokenIndexError:
        return None, salvage(shelf)


def _roots(before: IndexVersion | None, salvaged: Salvaged | None) -> tuple[Root, ...]:
    if before is not None:
        return before.manifest.roots
    return salvaged.roots if salvaged else ()
