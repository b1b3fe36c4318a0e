"""The documents of one knowledge base: adding, following changes, removing.

Each change writes a new version of the index with what did not change taken over unread; services
that have the old one open swap to it by themselves. What is interrupted keeps what it had read: the
same command goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from chains.errors import BadRequestError
from chains.knowledge.shelf import Shelf
from chains.knowledge.update import Changes, Line, Progress, Update, silent
from chains.knowledge.version import GUIDE, Root


def index_folder(data_dir: Path) -> Path:
    """Where the index is kept."""
    return data_dir / "index"


class Library:
    """The documents of one knowledge base. Methods block; one writes at a time, others wait.

    Args:
        folder: Where the index is kept.
        guide: The folder of documents that ship with the product; None for a base without them.
    """

    def __init__(self, folder: Path, guide: Path | None) -> None:
        self.shelf = Shelf(folder)
        self._guide = Root(GUIDE, str(guide.resolve())) if guide else None

    def ensure(self) -> Changes:
        """Have an index that holds the guide as it is now; called at every start.

        Other roots are not looked at: they may be large, and `sync` is theirs.
        """
        return self._run(Update.follow_guide)

    def sync(self, progress: Progress = silent) -> Changes:
        """Follow every change and deletion in the files and folders that were added."""
        return self._run(lambda update: update.follow(update.roots, progress), progress)

    def add(self, paths: Sequence[Path], progress: Progress = silent) -> Changes:
        """Add files and folders, and follow their changes from now on.

        Raises:
            BadRequestError: A path does not exist. Nothing was added then.
        """
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise BadRequestError(f"There is no {', '.join(missing)}.")
        return self._run(lambda update: update.add(paths, progress), progress)

    def add_lines(self, lines: Iterable[Line], progress: Progress = silent) -> Changes:
        """Add documents that are no files; one with the id of an earlier line replaces it."""
        return self._run(lambda update: update.take_lines(list(lines), progress), progress)

    def remove(self, name: str) -> Changes:
        """Forget a root and its documents; the files themselves are left alone.

        Raises:
            BadRequestError: There is no root of that name, or it is the guide.
        """
        return self._run(lambda update: update.drop(name))

    def _run(self, work: Callable[[Update], None], progress: Progress = silent) -> Changes:
        with self.shelf.writing():
            update = Update(self.shelf, self._guide)
            work(update)
            update.finish(progress)
            return update.changes
