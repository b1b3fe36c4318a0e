"""Noticing a secret word of the system prompt in an answer, however it is written."""

import base64
import codecs
import re
from typing import Final

_NOT_ALNUM: Final = re.compile(r"[^a-z0-9]+")
_FEWEST: Final = 6
"""Characters of the secret that may go out before an answer is kept back."""


class Canary:
    """Finds one secret word in texts.

    Args:
        word: The secret, as it stands in the system prompt.

    Raises:
        ValueError: The word is so short that ordinary text would hold it.
    """

    def __init__(self, word: str) -> None:
        squeezed = squeeze(word)
        if len(squeezed) < 2 * _FEWEST:
            raise ValueError("A canary needs at least 12 letters and digits.")
        raw = word.encode()
        forms = {
            squeezed,
            squeezed[::-1],
            codecs.encode(squeezed, "rot13"),
            squeeze(raw.hex()),
            *(_base64_core(raw, offset) for offset in range(3)),
        }
        self._forms = tuple(sorted(forms))
        self.longest = max(len(form) for form in self._forms)

    def is_in(self, squeezed: str) -> bool:
        """Whether a squeezed text holds the secret in any form."""
        return any(form in squeezed for form in self._forms)

    def begun(self, squeezed: str) -> int:
        """Length of the longest end of a squeezed text that may be the secret's beginning."""
        return max(
            (
                length
                for form in self._forms
                for length in range(_FEWEST, len(form))
                if squeezed.endswith(form[:length])
            ),
            default=0,
        )


def squeeze(text: str) -> str:
    """Only letters and digits, in lower case: the same however it is spaced or decorated."""
    return _NOT_ALNUM.sub("", text.lower())


def _base64_core(raw: bytes, offset: int) -> str:
    """The characters every base64 text holds that encodes `raw` at this offset modulo 3."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    lead = (0, 2, 3)[offset]
    return squeeze(encoded[lead : len(encoded) - 1])
