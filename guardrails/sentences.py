"""Cutting texts into sentences, in English and Chinese."""

import re
from typing import Final

END: Final = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？；…]+[”’」』）]*|\n+")  # noqa: RUF001 - Chinese stops
"""The end of a sentence: a stop before a blank, a Chinese stop, a line break."""

_LONGEST: Final = 400
_UNCERTAIN: Final = ".!?…\"'”’)]"  # noqa: RUF001 - closing quotes


def sentences(text: str) -> list[str]:
    """Cut a text into its sentences, without blank ones; very long ones are cut further."""
    pieces: list[str] = []
    start = 0
    for match in END.finditer(text):
        pieces.append(text[start : match.end()])
        start = match.end()
    pieces.append(text[start:])
    return [
        part
        for piece in pieces
        for at in range(0, len(piece), _LONGEST)
        if (part := piece[at : at + _LONGEST].strip())
    ]


def last_end(text: str) -> int:
    """Where the last sentence that is surely complete ends; 0 where there is none.

    A stop at the very end may go on as a name or a number: only what follows tells.
    """
    end = 0
    for match in END.finditer(text):
        if match.end() < len(text) or match.group()[-1] not in _UNCERTAIN:
            end = match.end()
    return end
