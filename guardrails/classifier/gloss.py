"""A word-by-word English gloss of Chinese, so that an English encoder can read it.

No small Chinese encoder could be shipped. The gloss keeps content words in their order; what the
encoder makes of it was learned from glossed training text, so the gloss need not be good English.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNKNOWN: Final = "*"
"""Stands for a run of characters the lexicon lacks."""

_ENTRY: Final = re.compile(r"([\u4e00-\u9fff]+)=([^\u4e00-\u9fff=\n]*)")
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")


class Gloss:
    """Replaces Chinese words by English ones; the longest known word from the left wins."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """Take the lexicon: Chinese word to English gloss, empty where a word is dropped."""
        self._words = dict(words)
        self._longest = max(map(len, self._words), default=1)

    @classmethod
    def load(cls, path: Path) -> "Gloss":
        """Read a lexicon of `word=gloss` entries; the first entry of a word counts."""
        words: dict[str, str] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                for found in _ENTRY.finditer(line):
                    words.setdefault(found[1], found[2].strip())
        return cls(words)

    def translate(self, text: str) -> str:
        """Return the gloss of a normalised text; everything but Han stays as it is."""
        out: list[str] = []
        position = 0
        while position < len(text):
            if not _HAN.match(text[position]):
                start = position
                while position < len(text) and not _HAN.match(text[position]):
                    position += 1
                out.append(text[start:position].strip())
                continue
            for end in range(min(len(text), position + self._longest), position, -1):
                gloss = self._words.get(text[position:end])
                if gloss is not None:
                    out.append(gloss)
                    position = end
                    break
            else:
                if not out or out[-1] != UNKNOWN:
                    out.append(UNKNOWN)
                position += 1
        return " ".join(filter(None, out))
