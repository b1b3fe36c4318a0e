"""Choosing, word for word, the sentences of passages that answer a question."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from chains.knowledge.tokens import Tokenizer
from chains.turn import Passage
from guardrails.sentences import END

MOST: Final = 3
"""Most quotations in an answer."""

_QUOTE_CHARS: Final = 420
_SHORT_CHARS: Final = 60
_CODE_CHARS: Final = 600
_WORTH: Final = 0.5
_HEADING_WEIGHT: Final = 0.4
_PASSAGE_WEIGHT: Final = 0.5
_FENCE: Final = re.compile(r"^(?:```|~~~)", re.MULTILINE)
_RULE: Final = re.compile(r"[\s|:-]+")
_LIST_MARK: Final = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a passage."""

    n: int
    """The passage's number."""
    passage: Passage
    text: str = field(repr=False)
    """One line, word for word."""
    code: str | None = field(default=None, repr=False)
    """The listing that stands right behind it."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, list item or table row."""

    text: str
    block: int
    terms: frozenset[str]


class Quoter:
    """Chooses quotations. Safe to share between threads."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer()

    def quotes(self, question: str, passages: Sequence[Passage]) -> tuple[Quote, ...]:
        """Choose what answers a question best, best passage first.

        Args:
            question: What was asked.
            passages: What was found, numbered from 1 in this order.

        Returns:
            At most `MOST` quotations, each from another passage; none where no sentence of any
            passage shares a word with the question.
        """
        asked = frozenset(self._tokenizer.tokens(question))
        units = [self._units(passage.text) for passage in passages]
        weights = _weights(asked, [unit for each in units for unit in each])
        found: list[tuple[float, Quote]] = []
        for n, (passage, own) in enumerate(zip(passages, units, strict=True), start=1):
            about = frozenset(self._tokenizer.tokens(f"{passage.title} {passage.heading or ''}"))
            scores = [_overlap(unit.terms, weights) for unit in own]
            around = _HEADING_WEIGHT * _overlap(about, weights)
            if not own or max(scores) + around <= 0:
                continue
            best = scores.index(max(scores))
            worth = scores[best] + around + _PASSAGE_WEIGHT * passage.score
            found.append((worth, _quote(n, passage, own, best)))
        found.sort(key=lambda pair: -pair[0])
        return tuple(quote for worth, quote in found[:MOST] if worth >= _WORTH * found[0][0])

    def _units(self, text: str) -> list[_Unit]:
        return [
            _Unit(part, number, frozenset(self._tokenizer.tokens(part)))
            for number, block in enumerate(_blocks(text))
            for part in _parts(block)
        ]


def _blocks(text: str) -> list[str]:
    """What stands between blank lines; a listing is one block with its blank lines."""
    blocks: list[str] = []
    for part in text.split("\n\n"):
        if blocks and len(_FENCE.findall(blocks[-1])) == 1:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
    return blocks


def _parts(block: str) -> Iterator[str]:
    """The sentences, list items or rows of a block; a listing has none."""
    if _FENCE.match(block):
        return
    for line in block.split("\n"):
        if _RULE.fullmatch(line):
            continue
        if line.startswith("|"):
            yield line.strip("| ")
            continue
        yield from _sentences(_LIST_MARK.sub("", line))


def _sentences(line: str) -> Iterator[str]:
    """The sentences of a line, however long."""
    start = 0
    for end in [*(match.end() for match in END.finditer(line)), len(line)]:
        if sentence := line[start:end].strip():
            yield sentence
        start = end


def _weights(asked: frozenset[str], units: Sequence[_Unit]) -> dict[str, float]:
    """What each word of the question tells: little where every sentence has it. They sum to 1."""
    counts = Counter(term for unit in units for term in unit.terms & asked)
    told = {term: math.log1p(len(units) / (counts[term] + 1)) for term in asked}
    total = sum(told.values()) or 1.0
    return {term: weight / total for term, weight in told.items()}


def _overlap(terms: frozenset[str], weights: dict[str, float]) -> float:
    return sum(weights[term] for term in terms & weights.keys())


def _quote(n: int, passage: Passage, units: Sequence[_Unit], best: int) -> Quote:
    """The best sentence with as much of its paragraph behind it as makes it readable."""
    first = best
    while (
        first > 0
        and units[first - 1].block == units[best].block
        and _length(units[first : best + 1]) < _SHORT_CHARS
    ):
        first -= 1
    last = best
    while (
        last + 1 < len(units)
        and units[last + 1].block == units[best].block
        and _length(units[first : last + 2]) <= _QUOTE_CHARS
    ):
        last += 1
    chosen = units[first : last + 1]
    text = _joined(unit.text for unit in chosen)
    return Quote(n, passage, text, _listing_behind(passage.text, chosen[-1].block))


def _length(units: Sequence[_Unit]) -> int:
    return sum(len(unit.text) for unit in units)


def _joined(parts: Iterator[str]) -> str:
    """One line: with blanks between Latin sentences, none between Chinese ones."""
    text = ""
    for part in parts:
        text += (" " if text and text[-1].isascii() else "") + part
    return text


def _listing_behind(text: str, block: int) -> str | None:
    following = _blocks(text)[block + 1 : block + 2]
    if following and _FENCE.match(following[0]) and len(following[0]) <= _CODE_CHARS:
        return following[0]
    return None
