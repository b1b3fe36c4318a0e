"""Tables of records: CSV, TSV and JSON lines. Each record is a block of `name: value` lines."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from chains.knowledge.document import Block, Document, Section
from chains.knowledge.errors import UnreadableDocumentError

_SAMPLE_CHARS: Final = 8192


def load_csv(data: str, *, title: str) -> Document:
    """Read a table whose first row names its columns; commas, semicolons and tabs separate.

    Args:
        data: The table.
        title: What to call it.
    """
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(data[:_SAMPLE_CHARS], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows = csv.DictReader(io.StringIO(data), dialect=dialect, restkey="", restval="")
    try:
        return _document(title, rows)
    except csv.Error:
        raise UnreadableDocumentError("It is no table of comma-separated values.") from None


def load_jsonl(data: str, *, title: str) -> Document:
    """Read JSON lines, each an object.

    Args:
        data: The lines.
        title: What to call them.

    Raises:
        UnreadableDocumentError: A line is no JSON object.
    """
    records = []
    for number, line in enumerate(data.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise UnreadableDocumentError(f"Line {number} is no JSON object.")
        records.append(record)
    return _document(title, records)


def _document(title: str, records: Iterable[Mapping[str, object]]) -> Document:
    blocks = tuple(Block(text, "table") for record in records if (text := _told(record)))
    return Document(title, (Section(blocks),) if blocks else ())


def _told(record: Mapping[str, object]) -> str:
    lines = []
    for name, value in record.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
        if text.strip():
            lines.append(f"{name}: {text}" if name else text)
    return "\n".join(lines)
