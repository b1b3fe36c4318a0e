"""Seeing through disguises: the forms in which a text is read besides the one it was written in.

A rule or a model that reads only what was typed is passed by spelling it otherwise: invisible
characters, letters of another alphabet that look alike, digits for letters, letters set apart, an
encoding. `views` undoes what can be undone cheaply and only where the text calls for it; nearly all
texts have one view.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

MAX_VIEWS: Final = 6
"""Most readings of one text beside the folded one."""

_MAX_DECODED: Final = 8000
_SHORTEST: Final = 4
_LONGEST_WORD: Final = 24
_SPACES: Final = re.compile(r"\s+")
_ODD_SPACE: Final = re.compile(r"\s\s|[^\S ]")
_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?<![0-9a-fA-F])(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s,:]?){12,}")
_HEX_NOISE: Final = re.compile(r"0x|\\x|[\s,:]")
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}){6,}")
_BINARY: Final = re.compile(r"(?:\b[01]{8}\b[\s,]*){4,}")
_TAGS: Final = re.compile(r"[\U000e0020-\U000e007e]{4,}")
_NOT_PRINTABLE: Final = re.compile(r"[^\x09\x0a\x0d\x20-\x7e\u00a0-\U0010ffff]")

_APART: Final = re.compile(r"(?<!\w)(?:[^\W_][ .\-_*|/]{1,3}){4,}[^\W_](?!\w)")
_SEPARATORS: Final = re.compile(r"[ .\-_*|/]{1,3}")
_LEET_SIGN: Final = re.compile(r"[a-z][013457$][a-z]|\b[a-z]@[a-z]{2,}\b(?!\.)")
_LEET_WORD: Final = re.compile(r"[a-z0-9@$!]*[a-z][a-z0-9@$!]*")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_ROT13: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
_COMMON: Final = re.compile(
    r"\b(?:the|and|you|your|how|what|for|with|this|that|can|is|to|of|in|a|i|me|my|do|it)\b"
)

# Letters of other alphabets that are drawn like Latin ones (Unicode Technical Standard 39, the part
# that is used against filters). Applied to words that mix alphabets only: Russian stays Russian.
_LOOK_ALIKE: Final = str.maketrans(
    {
        "\u0430": "a", "\u0432": "b", "\u0435": "e", "\u0456": "i", "\u043a": "k", "\u043c": "m",
        "\u043d": "h", "\u043e": "o", "\u0440": "p", "\u0441": "c", "\u0442": "t", "\u0443": "y",
        "\u0445": "x", "\u0455": "s", "\u0458": "j", "\u051b": "q", "\u051d": "w", "\u04bb": "h",
        "\u0501": "d", "\u0261": "g", "\u03bf": "o", "\u03b1": "a", "\u03b5": "e", "\u03b9": "i",
        "\u03ba": "k", "\u03bd": "v", "\u03c1": "p", "\u03c4": "t", "\u03c5": "u", "\u03c7": "x",
        "\u03c9": "w", "\u0131": "i", "\u0269": "i", "\u026f": "w", "\u0280": "r", "\u0299": "b",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+")
_LATIN: Final = re.compile(r"[a-z]")
_OTHER_ALPHABET: Final = re.compile(r"[\u0131\u0250-\u02af\u0370-\u03ff\u0400-\u052f]")
# Drawn as nothing, yet letters or marks to Unicode.
_FILLERS: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\uffa0\ufe00-\ufe0f]"
)


@dataclass(frozen=True, slots=True)
class Views:
    """The readings of one text."""

    folded: str = field(repr=False)
    """Compatibility forms composed, invisible characters dropped, look-alike letters resolved,
    lower case."""
    decoded: tuple[str, ...] = field(default=(), repr=False)
    """Further readings, folded too: what an encoding or a disguise hid."""
    disguised: bool = False
    """Whether invisible characters or mixed alphabets had to be undone."""

    @property
    def all(self) -> tuple[str, ...]:
        """Every reading, the folded text first."""
        return (self.folded, *self.decoded)


def fold(text: str) -> str:
    """Fold a text: NFKC, no invisible characters, one blank between words, lower case."""
    return _fold(text)[0]


def views(text: str) -> Views:
    """Read a text in every form that it calls for.

    Args:
        text: What somebody wrote, at most some thousand characters.

    Returns:
        The folded text and what disguises hid, at most `MAX_VIEWS` more.
    """
    folded, disguised = _fold(text)
    decoded: list[str] = []
    for found in (*_encoded(text), *_disguised(folded)):
        reading, _ = _fold(found[:_MAX_DECODED])
        if len(reading) >= _SHORTEST and reading != folded and reading not in decoded:
            decoded.append(reading)
        if len(decoded) >= MAX_VIEWS:
            break
    return Views(folded, tuple(decoded), disguised)


def _fold(text: str) -> tuple[str, bool]:
    if text.isascii():
        lowered = text.lower()
        return (_SPACES.sub(" ", lowered) if _ODD_SPACE.search(lowered) else lowered), False
    composed = unicodedata.normalize("NFKC", text)
    # Format characters (zero width, bidi controls, tags) are not printable.
    visible = (
        composed
        if composed.isprintable()
        else "".join(c for c in composed if c.isprintable() or c in "\n\t\r")
    )
    visible = _FILLERS.sub("", visible)
    lowered = visible.lower()
    resolved = _WORD.sub(_resolve, lowered) if _OTHER_ALPHABET.search(lowered) else lowered
    disguised = len(visible) != len(composed) or resolved != lowered
    return _SPACES.sub(" ", resolved), disguised


def _resolve(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LOOK_ALIKE) if _LATIN.search(word) else word


def _encoded(text: str) -> list[str]:
    """What base64, hexadecimal, percent, binary and Unicode tags in the text hold."""
    found: list[str] = []
    if len(text) < 16:  # noqa: PLR2004 - the shortest encoding that can say something
        return found
    for pattern, decoder in _DECODERS:
        for count, match in enumerate(pattern.finditer(text), start=1):
            found.append(_decoded(match.group(), decoder))
            if count == MAX_VIEWS:
                break
    if "%" in text and _PERCENT.search(text):
        found.append(unquote(text))
    if not text.isascii() and (tags := _TAGS.findall(text)):
        found.append("".join(chr(ord(c) - 0xE0000) for c in "".join(tags)))
    return [reading for reading in found if reading]


def _decoded(encoded: str, decoder: Callable[[str], bytes]) -> str:
    try:
        text = decoder(encoded).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""  # a word, a hash or a picture
    return "" if _NOT_PRINTABLE.search(text) else text


def _from_base64(encoded: str) -> bytes:
    standard = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _from_hex(encoded: str) -> bytes:
    return bytes.fromhex(_HEX_NOISE.sub("", encoded))


def _from_binary(encoded: str) -> bytes:
    return bytes(int(octet, 2) for octet in re.findall(r"[01]{8}", encoded))


_DECODERS: Final = ((_BASE64, _from_base64), (_HEX, _from_hex), (_BINARY, _from_binary))


def _disguised(folded: str) -> list[str]:
    """Readings of a folded text whose letters were set apart, exchanged, rotated or reversed."""
    found: list[str] = []
    if _APART.search(folded):
        found.append(_APART.sub(lambda match: _SEPARATORS.sub("", match.group()), folded))
    if _LEET_SIGN.search(folded):
        found.append(_LEET_WORD.sub(_spelt_out, folded))
    letters = len(_LATIN.findall(folded)) if folded.isascii() else 0
    if letters >= 12 and _reads(folded) == 0:  # noqa: PLR2004 - shorter says nothing
        found.extend(
            other for other in (folded.translate(_ROT13), folded[::-1]) if _reads(other) > 0
        )
    return found


def _spelt_out(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LEET) if len(word) <= _LONGEST_WORD else word


def _reads(text: str) -> int:
    """How many of the commonest English words the text has: none, and it may be rotated."""
    return len(_COMMON.findall(text[:400]))
