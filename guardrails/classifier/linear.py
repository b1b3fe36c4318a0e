"""The first stage: hashed n-grams times one table of weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from guardrails.classifier.features import char_indices, word_indices

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A logistic model over hashed n-grams, one column a head.

    Attributes:
        heads: Name of each column.
        weights: Quantised weights, int8, shape (features.BUCKETS, heads).
        scale: Value of one step of each column, shape (heads,).
        bias: Shape (heads,).
    """

    heads: tuple[str, ...]
    weights: npt.NDArray[np.int8]
    scale: FloatArray
    bias: FloatArray

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return logits, shape (len(texts), heads), of normalised texts."""
        out = np.empty((len(texts), len(self.heads)), dtype=np.float32)
        for row, text in enumerate(texts):
            total = self.bias.copy()
            for found in (char_indices(text), word_indices(text)):
                if len(found):
                    summed = self.weights[found].sum(axis=0, dtype=np.int64)
                    total += summed.astype(np.float32) * (self.scale / np.sqrt(len(found)))
            out[row] = total
        return out
