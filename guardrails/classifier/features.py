"""Hashed n-gram features of a text, in numpy only.

A text becomes two sets of hashed n-grams: characters (1 to 5 of them, spaces included) and words
(one and two). Each set is looked up in its own block of one table. Nothing is learned here, so the
same code serves training and run time, and no vocabulary has to be shipped.
"""

import itertools
import re
import unicodedata
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

CHAR_BITS: Final = 18
"""log2 of the number of character n-gram buckets."""

WORD_BITS: Final = 16
"""log2 of the number of word n-gram buckets."""

BUCKETS: Final = (1 << CHAR_BITS) + (1 << WORD_BITS)
"""Rows of a weight table: the character block, then the word block."""

MAX_CHARACTERS: Final = 2000
"""Characters read of one text: the first three quarters of this budget and the end."""

_NGRAMS: Final = 5
_PRIME: Final = np.uint32(0x01000193)
_MIX: Final = np.uint32(0x9E3779B1)
_WORD: Final = re.compile(r"[a-z0-9']+")
_SPACES: Final = re.compile(r"\s+")

IndexArray = npt.NDArray[np.int64]


def normalise(text: str) -> str:
    """Fold a text to the form both models read.

    Compatibility forms are composed (NFKC), case is folded, invisible format characters are
    dropped, white space is collapsed, and the middle of an over-long text is left out.

    Args:
        text: What somebody wrote.

    Returns:
        At most `MAX_CHARACTERS` + 1 characters.
    """
    if len(text) > 4 * MAX_CHARACTERS:  # NFKC can only be trusted to be cheap on bounded input
        text = text[: 3 * MAX_CHARACTERS] + " " + text[-MAX_CHARACTERS:]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = _SPACES.sub(" ", text).strip().lower()
    if len(text) > MAX_CHARACTERS:
        head = 3 * MAX_CHARACTERS // 4
        text = text[:head] + " " + text[head - MAX_CHARACTERS :]
    return text


def codepoints(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of a normalised text with one space at each end, shape (n + 2,)."""
    return np.frombuffer(f" {text} ".encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def char_indices(text: str) -> IndexArray:
    """Return the sorted distinct character n-gram buckets of a normalised text."""
    codes = codepoints(text)
    parts = []
    rolling = codes * _MIX
    for n in range(1, _NGRAMS + 1):
        if n > 1:
            if len(rolling) < 2:  # noqa: PLR2004 - two characters are what one more gram needs
                break
            rolling = (rolling[:-1] * _PRIME) ^ (codes[n - 1 :] * _MIX)
        mixed = rolling ^ (rolling >> np.uint32(15))
        parts.append((mixed * _MIX) >> np.uint32(32 - CHAR_BITS))
    return np.unique(np.concatenate(parts)).astype(np.int64)


def word_indices(text: str) -> IndexArray:
    """Return the sorted distinct word n-gram buckets, offset past the character block."""
    hashes = [zlib.crc32(word.encode()) for word in _WORD.findall(text)]
    pairs = [(a * 31 + b * 2654435761) & 0xFFFFFFFF for a, b in itertools.pairwise(hashes)]
    found = {((h * 2654435761) & 0xFFFFFFFF) >> (32 - WORD_BITS) for h in (*hashes, *pairs)}
    return np.array(sorted(found), dtype=np.int64) + (1 << CHAR_BITS)
