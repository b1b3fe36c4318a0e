"""A character model that tells written language from machine-made strings.

Optimised suffixes, encoded payloads and random characters surprise a model of ordinary English
far more than anything a person types. The model is a hashed table of how many bits each character
costs after the three before it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from guardrails.classifier.features import codepoints

TABLE_BITS: Final = 16
"""log2 of the number of hashed four-character contexts."""

UNIT: Final = 1 / 12
"""Bits that one step of the stored table stands for."""

WINDOW: Final = 32
"""Characters over which the surprise is averaged."""

_SHORT: Final = 24
"""Characters below which a mean is padded."""

_ORDINARY_BITS: Final = 2.5
"""Bits a character of ordinary English, about the mean over the training text."""

_PRIME: Final = np.uint32(0x01000193)
_MIX: Final = np.uint32(0x9E3779B1)


def fourgram_indices(text: str) -> npt.NDArray[np.int64]:
    """Return the table index of each four-character run of a normalised text, in order."""
    codes = codepoints(text)
    if len(codes) < 4:  # noqa: PLR2004 - a run is four characters long
        return np.zeros(0, dtype=np.int64)
    rolling = codes * _MIX
    for n in (1, 2, 3):
        rolling = (rolling[:-1] * _PRIME) ^ (codes[n:] * _MIX)
    mixed = (rolling ^ (rolling >> np.uint32(15))) * _MIX
    return (mixed >> np.uint32(32 - TABLE_BITS)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class CharacterModel:
    """Surprise table of ordinary English.

    Attributes:
        table: Cost of each hashed run, uint8, shape (2**TABLE_BITS,), in steps of `UNIT` bits.
    """

    table: npt.NDArray[np.uint8]

    def mean(self, text: str) -> float:
        """Return the mean cost of a normalised text, in bits a character.

        A short text is padded with ordinary characters, so few characters prove little.
        """
        costs = self._costs(text)
        missing = max(0, _SHORT - len(costs))
        return float((costs.sum() + _ORDINARY_BITS * missing) / max(1, len(costs) + missing))

    def surprise(self, text: str) -> float:
        """Return the highest mean cost of any `WINDOW` characters of a normalised text.

        A text shorter than that is padded as in `mean`.
        """
        costs = self._costs(text)
        if len(costs) <= WINDOW:
            return float((costs.sum() + _ORDINARY_BITS * (WINDOW - len(costs))) / WINDOW)
        sums = np.cumsum(np.concatenate(([0.0], costs)))
        return float((sums[WINDOW:] - sums[:-WINDOW]).max() / WINDOW)

    def _costs(self, text: str) -> npt.NDArray[np.float32]:
        return self.table[fourgram_indices(text)].astype(np.float32) * np.float32(UNIT)
