r"""Words for the lexical index, in any language.

Scripts written without blanks become character uni- and bigrams; other text is lower-cased, freed
of stop words and stemmed. On CMRC 2018 uni- and bigrams do as well as a dictionary segmenter and
need none, while the usual `\w+` finds almost nothing in Chinese.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from Stemmer import Stemmer

from chains.knowledge.stopwords import CHINESE, ENGLISH

VERSION: Final = 1
"""Raise it when the same text gives other tokens: indexes are then built anew."""

_UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"  # Han radicals, iteration mark, numerals
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7a3"  # Hangul
)
# Thai and its like write vowels as combining marks, which are no word characters of their own.
_RUN: Final = re.compile(rf"([{_UNSPACED}]+)|((?:(?![{_UNSPACED}])[^\W_])+)")
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")
_ASIAN_STOP: Final = re.compile("|".join(CHINESE))
_LONGEST_WORD: Final = 40  # longer ones are keys, hashes and encoded data: cut, they still match

_SCRIPTS: Final = (  # first and last code point, and the language most text of the script is in
    (0x0000, 0x024F, "english"),
    (0x1E00, 0x1EFF, "english"),
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "russian"),
    (0x0530, 0x058F, "armenian"),
    (0x0600, 0x06FF, "arabic"),
)


class _Stemmers(threading.local):
    """Snowball stemmers, a set for each thread: they must not be shared."""

    def __init__(self) -> None:
        self.of = {language: Stemmer(language) for _, _, language in _SCRIPTS}


class Tokenizer:
    """Cuts texts into index terms. Safe to share between threads."""

    def __init__(self) -> None:
        self._stemmers = _Stemmers()

    def tokens(self, text: str) -> list[str]:
        """Cut a text into its terms, in order, with repetitions."""
        if text.isascii():
            return self._stemmed(_ASCII_WORD.findall(text.lower()), "english")
        terms: list[str] = []
        for match in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
            unspaced, word = match.groups()
            if unspaced:
                terms.extend(_grams(unspaced))
            else:
                terms.extend(self._spaced(word))
        return terms

    def _spaced(self, word: str) -> list[str]:
        language = _language(word)
        if language == "english" and not word.isascii():
            decomposed = unicodedata.normalize("NFKD", word)
            word = "".join(char for char in decomposed if not unicodedata.combining(char))
        return self._stemmed([word], language)

    def _stemmed(self, words: Sequence[str], language: str | None) -> list[str]:
        kept = [word[:_LONGEST_WORD] for word in words if word not in ENGLISH]
        if language is None:
            return kept
        stems: list[str] = self._stemmers.of[language].stemWords(kept)
        return stems


def _grams(run: str) -> Iterator[str]:
    """Uni- and bigrams of the parts of a run between its stop words."""
    for part in _ASIAN_STOP.split(run):
        yield from part
        for first, second in pairwise(part):
            yield first + second


def _language(word: str) -> str | None:
    first = ord(word[0])
    for low, high, language in _SCRIPTS:
        if low <= first <= high:
            return language
    return None
