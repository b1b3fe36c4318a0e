"""Word documents (DOCX)."""

import re
from io import BytesIO
from typing import Final
from zipfile import ZipFile

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph

from chains.knowledge.document import Block, Document
from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders.sections import Sections

MAX_UNPACKED: Final = 512 * 1024 * 1024
"""Most bytes a file may unpack to: a small file can be made to unpack to a huge one."""

_HEADING: Final = re.compile(r"Heading (\d)")


def load_docx(data: bytes, title: str) -> Document:
    """Read a Word document: headings make sections, tables stay tables.

    Args:
        data: The file.
        title: What to call it where the file does not say.

    Raises:
        UnreadableDocumentError: It unpacks to more than `MAX_UNPACKED`.
    """
    with ZipFile(BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
            raise UnreadableDocumentError("It unpacks to more than could be read.")
    document = docx.Document(BytesIO(data))
    sections = Sections()
    for item in document.iter_inner_content():
        if isinstance(item, Paragraph):
            _read(item, sections)
        elif isinstance(item, Table):
            sections.add(Block(_table(item), "table"))
    named = sections.title or (document.core_properties.title or "").strip()
    return Document(named or title, sections.closed())


def _read(paragraph: Paragraph, sections: Sections) -> None:
    style = (paragraph.style.name if paragraph.style else None) or ""
    heading = _HEADING.match(style)
    text = paragraph.text.strip()
    if heading:
        sections.heading(int(heading[1]), text)
    elif style == "Title":
        sections.heading(1, text)
    elif text:
        sections.add(Block(f"- {text}" if style.startswith("List") else text))


def _table(table: Table) -> str:
    rows = [
        "| "
        + " | ".join(" ".join(cell.text.split()).replace("|", "\\|") for cell in row.cells)
        + " |"
        for row in table.rows
    ]
    if rows:
        rows.insert(1, "|" + " --- |" * len(table.columns))
    return "\n".join(rows)
