"""Citation marks in text that is still arriving: `[1]`, `[1, 2]`, `[1-3]`, `【1】`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_OPEN: Final = "\\[\u3010\uff3b"
_CLOSE: Final = "\\]\u3011\uff3d"
_BETWEEN: Final = ",，、;；\\-\u2013~"  # noqa: RUF001 - Chinese punctuation separates numbers too
_NUMBER: Final = r"[1-9][0-9]?"  # no prompt holds a hundred passages; [2024] is a year
_NUMBERS: Final = rf"{_NUMBER}(?: {{0,2}}[{_BETWEEN}] {{0,2}}{_NUMBER}){{0,9}}"
_TOKEN: Final = re.compile(
    rf"(?P<mark> *[{_OPEN}] {{0,2}}(?P<numbers>{_NUMBERS}) {{0,2}}[{_CLOSE}])"
    r"|(?P<ticks>`+|~{3,})|(?P<line>\n)"
)
# What a text may end with that more text can turn into a token, or a token into another.
_TAIL: Final = re.compile(rf"(?: *[{_OPEN}][0-9 {_BETWEEN}]{{0,80}}[{_CLOSE}]?| +|`+|~+)\Z")
_SEPARATOR: Final = re.compile(rf" *([{_BETWEEN}]) *")
_RANGES: Final = "-\u2013~"
_BEFORE_A_LIST: Final = "={\\"
_FENCE: Final = 3


class Kind(Enum):
    """What a piece of text is."""

    TEXT = auto()
    MARK = auto()
    TICKS = auto()
    LINE = auto()


@dataclass(frozen=True, slots=True)
class Mark:
    """Numbers in brackets that cite passages."""

    text: str
    blank: str
    """Blanks before the bracket, part of `text`."""
    numbers: tuple[int, ...]


def scan(text: str, end: int) -> Iterator[tuple[Kind, str]]:
    """Cut `text` up to `end` into marks, backticks, line ends and the text between them.

    The pieces joined are what was given.
    """
    at = 0
    for match in _TOKEN.finditer(text, 0, end):
        if match.start() > at:
            yield Kind.TEXT, text[at : match.start()]
        yield _kind(match), match[0]
        at = match.end()
    if at < end:
        yield Kind.TEXT, text[at:end]


def tail_length(text: str) -> int:
    """How many characters at the end cannot be told yet: a mark may begin there, or be a link."""
    match = _TAIL.search(text)
    return len(match[0]) if match else 0


def read_mark(text: str, *, last: str, following: str) -> Mark | None:
    """Read a piece of kind `MARK`.

    Args:
        text: The piece.
        last: The character before it; empty at the beginning.
        following: The character behind it; empty at the end.

    Returns:
        None where the brackets are something else: a link, a list that is assigned.
    """
    match = _TOKEN.fullmatch(text)
    if match is None or following == "(" or (last and last in _BEFORE_A_LIST):
        return None
    numbers = _listed(match["numbers"])
    if numbers is None:
        return None
    blank = text[: len(text) - len(text.lstrip(" "))]
    return Mark(text, blank, numbers)


def _listed(text: str) -> tuple[int, ...] | None:
    """The numbers of a mark, ranges written out; None where a range runs backwards."""
    first, *rest = _SEPARATOR.split(text)
    numbers = [int(first)]
    for separator, number in zip(rest[::2], rest[1::2], strict=True):
        if separator in _RANGES:
            if int(number) <= numbers[-1]:
                return None
            numbers.extend(range(numbers[-1] + 1, int(number)))
        numbers.append(int(number))
    return tuple(dict.fromkeys(numbers))


def _kind(match: re.Match[str]) -> Kind:
    if match["mark"] is not None:
        return Kind.MARK
    return Kind.TICKS if match["ticks"] is not None else Kind.LINE


class Code:
    """Whether the text that comes now is code, by the backticks before it."""

    def __init__(self) -> None:
        self._fence: str | None = None
        self._ticks = 0
        self._blank_line = True

    @property
    def inside(self) -> bool:
        """Whether brackets that come now belong to code."""
        return self._fence is not None or self._ticks > 0

    def see(self, kind: Kind, text: str) -> None:
        """Follow the next piece of text."""
        if kind is Kind.LINE:
            self._ticks = 0  # code within a line ends with it
            self._blank_line = True
            return
        if kind is Kind.TICKS:
            self._toggle(text)
        self._blank_line = self._blank_line and not text.strip()

    def _toggle(self, ticks: str) -> None:
        if self._fence is not None:
            if self._blank_line and ticks.startswith(self._fence):
                self._fence = None
        elif self._blank_line and len(ticks) >= _FENCE:
            self._fence = ticks
        elif ticks.startswith("`"):
            self._ticks = 0 if self._ticks == len(ticks) else self._ticks or len(ticks)
