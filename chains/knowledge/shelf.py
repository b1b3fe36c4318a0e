"""Versions of the index side by side, and which of them is current.

```
index/current           name of the current version; replaced in one step
index/000007-3f9c…/     a version; never changed once it has this name
index/writing-…/        one that is being written
index/lock              held by whoever writes
```

Readers in any number of processes follow `current`; writers take turns. A reader that has a version
open keeps it after it was deleted: mapped files live as long as their mapping.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chains.knowledge.errors import BrokenIndexError
from chains.knowledge.version import IndexVersion

_CURRENT: Final = "current"
_LOCK: Final = "lock"
_WRITING: Final = "writing-"
_KEPT: Final = 2
_TRIES: Final = 5


class Shelf:
    """The versions in one folder.

    Args:
        folder: Made when the first version is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> str | None:
        """Name of the current version; None before the first one."""
        try:
            return (self.folder / _CURRENT).read_text(encoding="utf-8").strip() or None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self) -> IndexVersion | None:
        """Open the current version; None before the first one.

        Raises:
            BrokenIndexError: It is damaged, or of another format.
        """
        for _ in range(_TRIES):
            name = self.current()
            if name is None:
                return None
            try:
                return IndexVersion(self.folder / name)
            except FileNotFoundError:
                continue  # swapped and deleted between the two steps
        raise BrokenIndexError(
            "The knowledge index is incomplete. Build it anew with: covenant kb sync"
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer while the block runs; waits for another to finish."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed, even by a crash
            yield

    def draft(self) -> Path:
        """An empty folder to write the next version into. Only inside `writing`."""
        for leftover in self.folder.glob(_WRITING + "*"):
            shutil.rmtree(leftover)  # of a writer that died: there is only one at a time
        folder = self.folder / f"{_WRITING}{os.getpid()}"
        folder.mkdir()
        return folder

    def publish(self, draft: Path) -> str:
        """Make a draft the current version and delete old ones. Only inside `writing`.

        Returns:
            The version's name.
        """
        name = f"{self._number() + 1:06d}"
        for file in [path for path in draft.rglob("*") if path.is_file()]:
            _flush(file)
        draft.rename(self.folder / name)
        pointer = self.folder / f"{_WRITING}{_CURRENT}"
        pointer.write_text(name + "\n", encoding="utf-8")
        _flush(pointer)
        pointer.replace(self.folder / _CURRENT)
        for old in self._versions()[:-_KEPT]:
            shutil.rmtree(self.folder / old)
        return name

    def _versions(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name.isdigit())

    def _number(self) -> int:
        return max((int(name) for name in self._versions()), default=0)


def _flush(file: Path) -> None:
    """Have a file on the disk before anything points to it."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
