"""WordPiece tokenisation as BERT's uncased models use it, in plain Python.

The same algorithm as `transformers`' BertTokenizer (Devlin et al. 2018): split on white space and
punctuation, each CJK character alone, then take the longest known piece from the left.
It is written out here because it is short, and the run time needs no tokeniser package then.
"""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_LONGEST_WORD: Final = 64
_CONTINUES: Final = "##"


def _is_punctuation(character: str) -> bool:
    code = ord(character)
    if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:  # noqa: PLR2004 - ASCII punctuation ranges, as in BERT
        return True
    return unicodedata.category(character).startswith("P")


def _is_cjk(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


def basic_tokens(text: str) -> list[str]:
    """Split a normalised (lower-case) text into words, punctuation marks and CJK characters."""
    if not text.isascii():
        text = "".join(
            c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn"
        )
    out: list[str] = []
    word: list[str] = []
    for character in text:
        if character.isalnum() and not (character > "\u33ff" and _is_cjk(character)):
            word.append(character)
            continue
        if word:
            out.append("".join(word))
            word = []
        if _is_cjk(character) or _is_punctuation(character):
            out.append(character)
        elif not character.isspace():
            word.append(character)
    if word:
        out.append("".join(word))
    return out


class WordPiece:
    """Maps text to the token ids of one vocabulary."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Take the pieces in id order; `[PAD]`, `[UNK]`, `[CLS]` and `[SEP]` must be among them.

        Raises:
            ValueError: A special token is missing.
        """
        self._ids = {piece: index for index, piece in enumerate(vocabulary)}
        for special in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"):
            if special not in self._ids:
                raise ValueError(f"vocabulary lacks {special}")
        self._unknown = self._ids["[UNK]"]
        self._start, self._end = self._ids["[CLS]"], self._ids["[SEP]"]

    @classmethod
    def load(cls, path: Path) -> "WordPiece":
        """Read a vocabulary file with one piece a line."""
        return cls(path.read_text(encoding="utf-8").split("\n"))

    def _pieces(self, word: str) -> tuple[int, ...]:
        if len(word) > _LONGEST_WORD:
            return (self._unknown,)
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = _CONTINUES if start else ""
            for end in range(len(word), start, -1):
                found = self._ids.get(prefix + word[start:end])
                if found is not None:
                    ids.append(found)
                    start = end
                    break
            else:
                return (self._unknown,)
        return tuple(ids)

    def encode(self, text: str, max_tokens: int) -> list[int]:
        """Return token ids with `[CLS]` and `[SEP]`, at most `max_tokens` of them.

        Of a longer text the first half and the last half are kept: what a message asks for
        stands at its start or at its end.

        Args:
            text: A normalised text.
            max_tokens: Longest sequence returned, special tokens included.
        """
        return self.views(text, max_tokens, 1)[0]

    def views(self, text: str, max_tokens: int, most: int) -> list[list[int]]:
        """Return up to `most` sequences that together cover a text.

        The first is what `encode` returns; of a longer text the others are the parts between.

        Args:
            text: A normalised text.
            max_tokens: Longest sequence returned, special tokens included.
            most: Largest number of sequences.
        """
        ids: list[int] = []
        for word in basic_tokens(text):
            whole = self._ids.get(word)
            if whole is None:
                ids.extend(self._pieces(word))
            else:
                ids.append(whole)
        room = max_tokens - 2
        if len(ids) <= room:
            return [[self._start, *ids, self._end]]
        head = room // 2
        tail = room - head
        parts = [ids[:head] + ids[len(ids) - tail :]]
        middle = ids[head : len(ids) - tail]
        parts += [middle[i : i + room] for i in range(0, len(middle), room)][: most - 1]
        return [[self._start, *part, self._end] for part in parts]
