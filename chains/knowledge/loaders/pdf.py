"""PDF: the text of each page, under its page number."""

import re
from io import BytesIO
from typing import Final

from pypdf import PdfReader

from chains.knowledge.document import Block, Document, Section
from chains.knowledge.errors import UnreadableDocumentError

_HYPHEN: Final = re.compile(r"(?<=[a-z])[-\u00ad]\n(?=[a-z])")
_CJK_BREAK: Final = re.compile(r"(?<=[\u2e80-\uffef])\s*\n\s*(?=[\u2e80-\uffef])")
_BREAK: Final = re.compile(r"[^\S\n]*\n[^\S\n]*")
_BLANK_LINES: Final = re.compile(r"\n\s*\n")


def load_pdf(data: bytes, title: str) -> Document:
    """Read a PDF's text. Pages that are pictures have none.

    Args:
        data: The file.
        title: What to call it where the file does not say.

    Raises:
        UnreadableDocumentError: It is locked with a password, or has pictures only.
    """
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise UnreadableDocumentError("It is locked with a password.")
    sections = tuple(
        Section(blocks, page=number)
        for number, page in enumerate(reader.pages, start=1)
        if (blocks := _blocks(page.extract_text()))
    )
    if not sections:
        raise UnreadableDocumentError("It holds no text; scanned pages must be recognised first.")
    named = reader.metadata.title if reader.metadata else None
    return Document((named or "").strip() or title, sections)


def _blocks(text: str) -> tuple[Block, ...]:
    """Paragraphs, with the line breaks of the page's layout taken out."""
    parts = (_flowing(part) for part in _BLANK_LINES.split(text))
    return tuple(Block(part) for part in parts if part)


def _flowing(text: str) -> str:
    joined = _CJK_BREAK.sub("", _HYPHEN.sub("", text.strip()))
    return _BREAK.sub(" ", joined)
