"""Which words a citation mark stands for."""

import re
from typing import Final

from guardrails.sentences import END

_BEGINNING: Final = re.compile(  # what no claim begins with: stops, closing marks, list marks
    r"(?:[\s,.;:!?，。；：、！？…)\]）】”’]|[-+*>#|\u2013\u2014]+\s|\d{1,2}[.)]\s)*"  # noqa: RUF001 - Chinese
)
_LINE_START: Final = re.compile(r"\n[\s>#|*+-]*(?:\d{1,2}[.)]\s+)?\Z")
_LEAD_IN: Final = (
    r"(?:according\s+to|based\s+on|as\s+\w+\s+(?:in|by)|per|in|from|by"
    r"|根据|依据|依照|按照|据|基于|在)"
)
_POINTER: Final = (
    r"(?:see(?:\s+also)?|cf\.?|sources?|and|or|&|参见|参考|详见|见|来源|和|与|及|以及|或)"
)
_ENDING: Final = re.compile(
    rf"(?:^|(?<=[\s,(（，。、;；]))(?:{_LEAD_IN}|{_POINTER})?[\s:：(（\"“‘'*]*\Z",  # noqa: RUF001 - Chinese
    re.IGNORECASE,
)
_OPENS: Final = re.compile(rf"{_LEAD_IN}[\s(（*]*\Z", re.IGNORECASE)  # noqa: RUF001 - Chinese bracket
_QUOTATION: Final = {"\u201d": "\u201c", "\u300d": "\u300c", "\u300f": "\u300e"}
_WORD: Final = re.compile(r"\w")


def claim_before(text: str) -> tuple[int, int] | None:
    """Where the claim stands that a mark behind `text` is about: the last sentence of it.

    Args:
        text: Everything since the mark before.

    Returns:
        Start and end in `text`, of a whole quotation if it ends with one; None where no claim
        stands there: a mark follows a mark, or opens a sentence.
    """
    if begins_a_line(text):
        return None
    body = text.rstrip()
    quotation = _quotation(body)
    if quotation is not None and _WORD.search(body, quotation):
        return quotation, len(body)
    start = max((m.end() for m in END.finditer(body) if m.end() < len(body)), default=0)
    return _trimmed(text, start, len(body))


def claim_behind(text: str, *, final: bool) -> tuple[int, int] | None:
    """Where the claim stands that a mark before `text` is about: its first sentence with words.

    Args:
        text: Everything since the mark, as far as it is known.
        final: Whether no more is to come.

    Returns:
        Start and end in `text`; None where the sentence may go on.
    """
    start = 0
    for match in END.finditer(text):
        if match.end() == len(text) and not final:
            return None  # more may belong to this end: a quotation mark, a digit
        if _WORD.search(text, start, match.end()):
            return _trimmed(text, start, match.end())
        start = match.end()
    return _trimmed(text, start, len(text)) if final else None


def begins_a_line(text: str) -> bool:
    """Whether a mark behind `text` is the first thing in its line, list marks aside."""
    return bool(_LINE_START.search(text))


def opens_a_claim(text: str) -> bool:
    """Whether a mark behind `text` opens a line or sentence, and does not follow another mark."""
    return begins_a_line(text) or bool(_OPENS.search(text))


def _quotation(body: str) -> int | None:
    """Where the quotation begins that `body` ends with, however many sentences it has."""
    opening = _QUOTATION.get(body[-1:])
    depth = 0
    for at in range(len(body) - 1, -1, -1) if opening else ():
        depth += (body[at] == body[-1]) - (body[at] == opening)
        if depth == 0:
            return at
    return None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    beginning = _BEGINNING.match(text, start, end)
    start = beginning.end() if beginning else start
    body = text[start:end]
    ending = _ENDING.search(body)
    body = (body[: ending.start()] if ending else body).rstrip(" \t\n,，、(（")  # noqa: RUF001 - Chinese
    return (start, start + len(body)) if _WORD.search(body) else None
