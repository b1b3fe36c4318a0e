"""Cutting texts into sentences, in English and Chinese."""

import re
from typing import Final

END: Final = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？；…]+[”’」』）]*|\n+")  # noqa: RUF001 - Chinese stops
"""The end of a sentence: a stop before a blank, a Chinese stop, a line break."""

_LONGEST: Final = 400
_LISTING: Final = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.MULTILINE | re.DOTALL)
_NO_PROSE: Final = "|#"
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_FEWEST_WORDS: Final = 4
_FEWEST_HAN: Final = 6
_UNCERTAIN: Final = ".!?…\"'”’)]"  # noqa: RUF001 - closing quotes


def sentences(text: str) -> list[str]:
    """Cut a text into its sentences, without blank ones; very long ones are cut further."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text begin and end, without the blanks around them."""
    ends = [*(match.end() for match in END.finditer(text)), len(text)]
    found: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        for at in range(start, end, _LONGEST):
            piece = text[at : min(at + _LONGEST, end)]
            lead = len(piece) - len(piece.lstrip())
            if stripped := piece.strip():
                found.append((at + lead, at + lead + len(stripped)))
        start = end
    return found


def prose_spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a document stand that tell or ask something.

    Listings, table rows, headings and scraps of a few words are left out: a command line is
    written to be typed, and tells nobody anything.
    """
    code = [match.span() for match in _LISTING.finditer(text)]
    return [
        (start, end)
        for start, end in spans(text)
        if not any(begin <= start < until for begin, until in code)
        and text[start] not in _NO_PROSE
        and _is_long_enough(text[start:end])
    ]


def _is_long_enough(sentence: str) -> bool:
    return len(sentence.split()) >= _FEWEST_WORDS or len(_HAN.findall(sentence)) >= _FEWEST_HAN


def last_end(text: str) -> int:
    """Where the last sentence that is surely complete ends; 0 where there is none.

    A stop at the very end may go on as a name or a number: only what follows tells.
    """
    end = 0
    for match in END.finditer(text):
        if match.end() < len(text) or match.group()[-1] not in _UNCERTAIN:
            end = match.end()
    return end
