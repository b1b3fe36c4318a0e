"""Fit the character model: smoothed four-gram costs of ordinary English."""

import numpy as np

from guardrails.classifier.charmodel import TABLE_BITS, UNIT, fourgram_indices
from guardrails.classifier.features import codepoints


def fit(texts: list[str]) -> np.ndarray:
    """Return the cost table (uint8) of normalised English texts.

    The cost of a character is -log2 of its probability after the three before it, interpolated
    with the probability of the shorter contexts. What never occurred costs what a rare character
    after an unknown context does.
    """
    orders: list[dict[tuple[int, ...], int]] = [{} for _ in range(5)]
    for text in texts:
        codes = codepoints(text).tolist()
        for n in range(1, 5):
            counts = orders[n]
            for i in range(len(codes) - n + 1):
                gram = tuple(codes[i : i + n])
                counts[gram] = counts.get(gram, 0) + 1
    total = sum(orders[1].values())

    def probability(gram: tuple[int, ...]) -> float:
        if len(gram) == 1:
            return (orders[1].get(gram, 0) + 0.5) / (total + 200)
        context = orders[len(gram) - 1].get(gram[:-1], 0)
        seen = orders[len(gram)].get(gram, 0)
        return (seen + 4 * probability(gram[1:])) / (context + 4)

    table = np.full(1 << TABLE_BITS, 12.0, np.float32)
    grams = sorted(orders[4], key=orders[4].__getitem__)  # the commonest gram of a bucket wins
    rows = fourgram_indices_of(grams)
    table[rows] = [-np.log2(probability(g)) for g in grams]
    return np.clip(np.round(table / UNIT), 0, 255).astype(np.uint8)


def fourgram_indices_of(grams: list[tuple[int, ...]]) -> np.ndarray:
    """Return the table index of each run of four code points."""
    out = np.empty(len(grams), np.int64)
    for i, gram in enumerate(grams):
        # A text gets a space at each end; the middle run of the six is the gram itself.
        out[i] = fourgram_indices("".join(map(chr, gram)))[1]
    return out
