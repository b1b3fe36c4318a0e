"""JSON lines in and out of `covenant kb`, for programs and evaluation sets."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import orjson

from chains.errors import BadRequestError
from chains.knowledge.library import Library
from chains.knowledge.retriever import Retriever
from chains.knowledge.update import Failure, Line

_GOOD = 0
_FOUND = 1


@contextmanager
def open_lines(paths: Sequence[Path]) -> Iterator[Iterable[bytes]]:
    """The lines of files one after the other, or of standard input where there are none.

    Raises:
        BadRequestError: A file cannot be opened.
    """
    if not paths:
        yield sys.stdin.buffer
        return
    files = []
    try:
        for path in paths:
            try:
                files.append(path.open("rb"))
            except OSError as error:
                raise BadRequestError(f"{path}: {error.strerror}.") from None
        yield chain.from_iterable(files)
    finally:
        for file in files:
            file.close()


def read_documents(lines: Iterable[bytes]) -> tuple[list[Line], list[Failure]]:
    """Read lines of ``{"doc_id", "title"?, "text"}``; wrong ones are named by their number."""
    documents: list[Line] = []
    failures: list[Failure] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = _record(line)
            documents.append(
                Line(
                    doc_id=_text(record, "doc_id"),
                    text=_text(record, "text"),
                    title=_text(record, "title") if record.get("title") else None,
                )
            )
        except ValueError as error:
            failures.append(Failure(f"line {number}", str(error)))
    return documents, failures


def search_lines(
    retriever: Retriever, queries: Iterable[bytes], output: TextIO, *, top: int
) -> int:
    """Answer lines of ``{"id", "query"}`` with ``{"id", "hits": [{"doc_id", "score"}]}``, in order.

    Each document is a hit once, with the score of its best passage.

    Returns:
        The exit code: 1 where a line was wrong; it is answered with an ``error`` and no hits.
    """
    code = _GOOD
    for line in queries:
        if not line.strip():
            continue
        name: object = None
        try:
            record = _record(line)
            name = record.get("id")
            hits = _documents(retriever, _text(record, "query"), top)
            answer: dict[str, object] = {"id": name, "hits": hits}
        except ValueError as error:
            answer = {"id": name, "hits": [], "error": str(error)}
            code = _FOUND
        output.write(orjson.dumps(answer).decode() + "\n")
    return code


def overview(library: Library) -> dict[str, Any]:
    """What the index of a library holds."""
    version = library.shelf.open()
    documents = list(version.documents()) if version else []
    roots = version.manifest.roots if version else ()
    folder = version.folder if version else library.shelf.folder
    return {
        "documents": len(documents),
        "passages": len(version) if version else 0,
        "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        "folder": str(folder),
        "roots": [
            {
                "name": root.name,
                "path": root.path,
                "documents": sum(document.root == root.name for document in documents),
            }
            for root in roots
        ],
    }


def _documents(retriever: Retriever, query: str, top: int) -> list[dict[str, object]]:
    """The best documents; as many passages are looked at as it takes to find them."""
    limit = top * 2
    while True:
        passages = retriever.ranked(query, limit=limit)
        best: dict[str, float] = {}
        for passage in passages:
            best.setdefault(passage.doc_id, passage.score)
        if len(best) >= top or len(passages) < limit:
            return [{"doc_id": name, "score": score} for name, score in best.items()][:top]
        limit *= 4


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ValueError("is not JSON") from None
    if not isinstance(record, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - a wrong value of a line, to its reader
    return record


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and name == "doc_id":
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"has no text in {name}")
    return value
