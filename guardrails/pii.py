"""Finding personal data in a text by form and checksum: spans, never values.

A detector finds candidates with one pattern and then asks whether they can be what they look like
(Luhn, mod 97, the checksum of Chinese identity numbers), so that order numbers stay readable.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a span is. `messages/*.yml` holds `mask_<kind>` for each."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    NATIONAL_ID = "national_id"
    IBAN = "iban"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Where personal data stands, in characters."""

    start: int
    end: int
    kind: Kind


_SEPARATOR: Final = "[ \u00a0\\-\u2010-\u2015.]"
_EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}\s?@\s?"
    r"(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9@])"
)
_IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"
)
_CARD: Final = re.compile(rf"(?<![\d.])\d(?:{_SEPARATOR}?\d){{12,18}}(?!\d)")
_CHINESE_ID: Final = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_US_SSN: Final = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_UK_NINO: Final = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r"(?: ?\d{2}){3} ?[A-D](?![A-Za-z0-9])"
)
_CHINESE_MOBILE: Final = re.compile(
    r"(?<![\d])(?:(?:\+|00)86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"
)
_PHONE: Final = re.compile(
    rf"(?<![\w.+])(?<!\d[ -])(?:"
    rf"\+\d{{1,3}}{_SEPARATOR}?(?:\(0?\d{{0,4}}\){_SEPARATOR}?)?\d(?:{_SEPARATOR}?\d){{6,12}}"
    rf"|\(\d{{2,5}}\)[ -]?\d{{3,4}}[ -]?\d{{3,5}}"
    rf"|0[1-9]\d{{1,3}}[ -]\d{{3,4}}[ -]?\d{{3,4}}"
    rf"|\d{{3}}-\d{{3}}-\d{{4}})(?![\w-])"
)
_API_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{36,}"
    r"|github_pat_[A-Za-z0-9_]{40,}"
    r"|glpat-[A-Za-z0-9_-]{20,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|LTAI[A-Za-z0-9]{12,26}"
    r"|hf_[A-Za-z0-9]{30,}"
    r"|(?:sk|rk)_live_[A-Za-z0-9]{20,}"
    r"|eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{10,}"
    r")(?![A-Za-z0-9])"
    r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]{0,8000}?"
    r"(?:-----END (?:[A-Z]+ )?PRIVATE KEY-----|\Z)"
)

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_PERHAPS: Final = re.compile(
    r"[@\uff20]|\d{3}|\d[ -]\d|sk-|gh[pousr]_|xox|AKIA|ASIA|AIza|LTAI|hf_|glpat|PRIVATE KEY|eyJ"
)
"""What every kind of personal data has; nearly all windows have none of it."""

_DOCUMENTATION: Final = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|localhost)$"
)
"""Domains that belong to nobody (RFC 2606)."""


@dataclass(frozen=True, slots=True)
class Detectors:
    """Which kinds are looked for, and what is nobody's.

    Attributes:
        kinds: What is looked for.
        role_mailboxes: Local parts of addresses that belong to an organisation, such as
            ``support``.
    """

    kinds: frozenset[Kind]
    role_mailboxes: frozenset[str] = frozenset()

    def find(self, text: str, *, known: frozenset[str] = frozenset()) -> tuple[Span, ...]:
        """Find personal data.

        Args:
            text: Any text.
            known: `essence` of data that the reader gave themselves and may see again.

        Returns:
            Spans in order, none overlapping.
        """
        if not _PERHAPS.search(text):
            return ()
        visible, positions = _visible(text)
        taken: list[Span] = []
        for kind, pattern, is_real in _DETECTORS:
            if kind not in self.kinds:
                continue
            for match in pattern.finditer(visible):
                found = match.group()
                if not is_real(found) or essence(found) in known or self._is_public(kind, found):
                    continue
                span = Span(positions(match.start()), positions(match.end() - 1) + 1, kind)
                if all(span.end <= other.start or span.start >= other.end for other in taken):
                    taken.append(span)
        return tuple(sorted(taken))

    def _is_public(self, kind: Kind, found: str) -> bool:
        if kind is not Kind.EMAIL:
            return False
        mailbox, _, domain = found.lower().partition("@")
        return (
            mailbox.strip() in self.role_mailboxes
            or _DOCUMENTATION.search(domain.strip()) is not None
        )


def essence(found: str) -> str:
    """What of a piece of data is compared: letters and digits, in lower case."""
    return "".join(c for c in found.lower() if c.isalnum())


def known_data(texts: Iterable[str]) -> frozenset[str]:
    """The `essence` of all personal data in texts, of every kind."""
    everything = Detectors(frozenset(Kind))
    return frozenset(
        essence(text[span.start : span.end]) for text in texts for span in everything.find(text)
    )


def _visible(text: str) -> tuple[str, Callable[[int], int]]:
    """The text in plain, visible characters, and the way back to its positions."""
    if text.isascii():
        return text, lambda position: position
    text = text.translate(_FULL_WIDTH)
    if not _INVISIBLE.search(text):
        return text, lambda position: position
    kept = [index for index, c in enumerate(text) if not _INVISIBLE.match(c)]
    return "".join(text[index] for index in kept), kept.__getitem__


def _digits(found: str) -> list[int]:
    return [int(c) for c in found if c.isdecimal()]


def passes_luhn(found: str) -> bool:
    """Whether the digits pass the checksum of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = _digits(found)
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:  # noqa: PLR2004 - lengths in use
        return False
    # Every second digit from the right counts twice, as the sum of the product's digits.
    doubled = (sum(divmod(d * 2, 10)) if i % 2 else d for i, d in enumerate(reversed(digits)))
    return digits[0] in (2, 3, 4, 5, 6, 9) and sum(doubled) % 10 == 0


def passes_mod_97(found: str) -> bool:
    """Whether an account number passes the IBAN checksum (ISO 13616-1)."""
    compact = found.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34:  # noqa: PLR2004 - lengths in use
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


_CHINESE_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def passes_chinese_id(found: str) -> bool:
    """Whether the check character of a Chinese resident identity number fits (GB 11643-1999)."""
    total = sum(w * int(c) for w, c in zip(_CHINESE_WEIGHTS, found, strict=False))
    return "10X98765432"[total % 11] == found[-1].upper()


def _is_mailbox(found: str) -> bool:
    return not found[0].isspace()


def _is_phone(found: str) -> bool:
    digits = _digits(found)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2  # noqa: PLR2004 - E.164, and no pattern


def _always(found: str) -> bool:
    return bool(found)


_DETECTORS: Final[tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool]], ...]] = (
    (Kind.API_KEY, _API_KEY, _always),
    (Kind.EMAIL, _EMAIL, _is_mailbox),
    (Kind.IBAN, _IBAN, passes_mod_97),
    (Kind.NATIONAL_ID, _CHINESE_ID, passes_chinese_id),
    (Kind.NATIONAL_ID, _US_SSN, _always),
    (Kind.NATIONAL_ID, _UK_NINO, _always),
    (Kind.CARD, _CARD, passes_luhn),
    (Kind.PHONE, _CHINESE_MOBILE, _is_phone),
    (Kind.PHONE, _PHONE, _is_phone),
)
"""Most certain first: a span belongs to the first kind that claims it."""
