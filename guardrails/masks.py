"""Hiding personal data in a text that arrives in windows.

A window may end in the middle of a telephone number, so a sentence that may still hold one is kept
back until it is complete.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from guardrails.pii import Kind, Span
from guardrails.sentences import last_end
from guardrails.verdict import Edit

LONGEST_HELD: Final = 400
"""Characters kept back at most; a longer run without an end of sentence is cut at a blank."""

_MAY_GO_ON: Final = re.compile(r"[\d@\uff20]|[A-Za-z0-9_-]{16,}|-----BEGIN|[\w.+-]{1,64}$")
_OPEN_LINE: Final = re.compile(r"[\d\s().+-]*\d[\s().+-]*$")
_KEY_BEGINS: Final = "-----BEGIN"
_KEY_ENDS: Final = "-----END"


def complete_part(text: str) -> int:
    """How much of a text can be masked now without cutting personal data in two.

    Args:
        text: What has come and was not released yet.

    Returns:
        Number of characters up to which no personal data can be continued by what follows.
    """
    begun = text.rfind(_KEY_BEGINS)
    if begun >= 0 and _KEY_ENDS not in text[begun:]:
        return begun
    end = last_end(text)
    while end and _OPEN_LINE.search(text[:end].rstrip("\n.")) and text[:end].endswith("\n"):
        # A number at the end of a line may go on in the next one.
        end = last_end(text[: end - 1])
    rest = text[end:]
    if not rest or not _MAY_GO_ON.search(rest):
        return len(text)
    if len(rest) <= LONGEST_HELD:
        return end
    cut = max(text.rfind(blank, end, len(text) - 64) for blank in " \n\t")
    return cut + 1 if cut > end else len(text)


def masked(
    text: str, spans: Sequence[Span], name: Callable[[Kind], str], principle: str
) -> tuple[str, tuple[Edit, ...]]:
    """Replace spans.

    Args:
        text: The text.
        spans: Where, in order, none overlapping.
        name: What stands in the place of a kind.
        principle: The principle that asks for it.

    Returns:
        The new text, and the replacements by their positions in it.
    """
    parts: list[str] = []
    edits: list[Edit] = []
    position = written = 0
    for span in spans:
        before = text[position : span.start]
        replacement = name(span.kind)
        start = written + len(before)
        parts += (before, replacement)
        written = start + len(replacement)
        edits.append(Edit(start, written, replacement, span.kind.value, principle))
        position = span.end
    parts.append(text[position:])
    return "".join(parts), tuple(edits)
