"""What loaders make of files: documents in sections, sections in blocks."""

from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal["prose", "code", "table"]
"""How a block may be cut: prose between sentences, code and tables between lines."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, listing or table; never empty."""

    text: str = field(repr=False)
    kind: BlockKind = "prose"


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under one heading, or on one page."""

    blocks: tuple[Block, ...] = field(repr=False)
    headings: tuple[str, ...] = field(default=(), repr=False)
    """From the outermost to the innermost; without the document's title."""
    page: int | None = None
    """From 1, where the format has pages."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as its format tells it: structure kept, decoration gone."""

    title: str
    sections: tuple[Section, ...] = field(repr=False)
    url: str | None = None
    """Where it is published, if it says so."""
