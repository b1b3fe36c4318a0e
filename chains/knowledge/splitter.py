"""Splitting documents into passages: whole blocks of one section, cut where readers pause."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chains.knowledge.document import Block, Document, Section
from chains.tokens import estimate_tokens
from guardrails.sentences import END

VERSION: Final = 1
"""Raise it when the same document gives other passages."""

TOKENS: Final = 320
"""Most tokens of a passage, estimated: six of them fit a prompt's budget."""

SEPARATOR: Final = " \u203a "
"""Between the headings above a passage."""

_LINE: Final = re.compile(r"\n")
_WORD: Final = re.compile(r"\s+|(?<=[\u3000-\u9fff])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage before it has an id."""

    text: str = field(repr=False)
    heading: str | None = field(default=None, repr=False)
    """Headings above it, from the outermost, joined by `SEPARATOR`."""
    page: int | None = None


def split(document: Document) -> Iterator[Piece]:
    """Cut a document into passages, in its order; nothing of it is lost but headings and blanks."""
    for section in document.sections:
        heading = SEPARATOR.join(section.headings) or None
        for text in _passages(section):
            yield Piece(text, heading, section.page)


def _passages(section: Section) -> Iterator[str]:
    """Join blocks while they fit; cut those that never do."""
    texts: list[str] = []
    size = 0
    for block in section.blocks:
        for part in _parts(block):
            tokens = estimate_tokens(part)
            if texts and size + tokens > TOKENS:
                yield "\n\n".join(texts)
                texts, size = [], 0
            texts.append(part)
            size += tokens
    if texts:
        yield "\n\n".join(texts)


def _parts(block: Block) -> Iterator[str]:
    if estimate_tokens(block.text) <= TOKENS:
        yield block.text
        return
    cuts = (_LINE, _WORD) if block.kind != "prose" else (END, _LINE, _WORD)
    yield from _filled(block.text, cuts)


def _filled(text: str, cuts: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """Fill parts up to `TOKENS`, cutting at the first kind of place, or a finer one if need be."""
    part = ""
    for unit in _units(text, cuts[0]) if cuts else _characters(text):
        if estimate_tokens(part + unit) <= TOKENS:
            part += unit
            continue
        if part.strip():
            yield part.strip()
        part = unit
        if estimate_tokens(unit) > TOKENS:
            *whole, part = _filled(unit, cuts[1:])
            yield from whole
    if part.strip():
        yield part.strip()


def _units(text: str, cut: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for match in cut.finditer(text):
        if match.end() > start:
            yield text[start : match.end()]
            start = match.end()
    if start < len(text):
        yield text[start:]


def _characters(text: str) -> Iterator[str]:
    return (text[at : at + TOKENS] for at in range(0, len(text), TOKENS))
