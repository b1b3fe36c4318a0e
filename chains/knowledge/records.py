"""Many small JSON records in one file, read in place by any number of processes."""

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

_OFFSETS = ".offsets.npy"
_DATA = ".jsonl"


def write_records(folder: Path, name: str, records: Iterable[dict[str, Any]]) -> int:
    """Write records to `name`.jsonl and where each begins to a file beside it.

    Returns:
        How many there were.
    """
    offsets = [0]
    with (folder / (name + _DATA)).open("wb") as data:
        for record in records:
            offsets.append(offsets[-1] + data.write(orjson.dumps(record) + b"\n"))
    np.save(folder / (name + _OFFSETS), np.asarray(offsets, dtype=np.int64))
    return len(offsets) - 1


class Records:
    """Reads what `write_records` wrote. The file is mapped: opening it costs nothing.

    Args:
        folder: Where the files are.
        name: Their name without suffixes.

    Raises:
        OSError: A file is missing.
        ValueError: A file is damaged.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._offsets = np.load(folder / (name + _OFFSETS), mmap_mode="r")
        with (folder / (name + _DATA)).open("rb") as data:
            # Zero bytes cannot be mapped.
            self._data = mmap.mmap(data.fileno(), 0, access=mmap.ACCESS_READ) if len(self) else b""
        if len(self._data) != int(self._offsets[-1]):
            raise ValueError(f"{name}{_DATA} does not have the length it should have.")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, number: int) -> dict[str, Any]:
        start, end = self._offsets[number : number + 2]
        record: dict[str, Any] = orjson.loads(self._data[start:end])
        return record

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))
