"""Plain text."""

import re
from typing import Final

from chains.knowledge.document import Block, Document, Section

_BLANK_LINES: Final = re.compile(r"\n\s*\n")


def load_text(data: str, *, title: str) -> Document:
    """Read plain text: paragraphs stand between blank lines.

    Args:
        data: The text.
        title: What to call it.
    """
    blocks = tuple(Block(part.strip()) for part in _BLANK_LINES.split(data) if part.strip())
    return Document(title, (Section(blocks),) if blocks else ())
