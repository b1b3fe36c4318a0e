"""Finding personal data by form and checksum."""

from itertools import pairwise

import pytest

from guardrails.pii import (
    Detectors,
    Kind,
    essence,
    known_data,
    passes_chinese_id,
    passes_luhn,
    passes_mod_97,
)

ALL = Detectors(frozenset(Kind), frozenset({"support"}))


def found(text: str, detectors: Detectors = ALL) -> list[tuple[str, str]]:
    return [(text[s.start : s.end], s.kind.value) for s in detectors.find(text)]


@pytest.mark.parametrize(
    ("text", "data", "kind"),
    [
        ("Write to bob.x@corp.co.uk.", "bob.x@corp.co.uk", "email"),
        ("邮箱是wang@qq.com。", "wang@qq.com", "email"),
        ("phone +44 7700 900461, born", "+44 7700 900461", "phone"),
        ("Call (212) 555-0187 now", "(212) 555-0187", "phone"),
        ("手机13800138000。", "13800138000", "phone"),
        ("手机138-0013-8000。", "138-0013-8000", "phone"),
        ("card number 4111 1111 1111 1111, expires", "4111 1111 1111 1111", "card"),
        ("card 5500-0000-0000-0004.", "5500-0000-0000-0004", "card"),
        ("身份证11010519491231002X。", "11010519491231002X", "national_id"),
        ("SSN 078-05-1120.", "078-05-1120", "national_id"),
        ("NI number AB 12 34 56 C.", "AB 12 34 56 C", "national_id"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00", "iban"),
        ("key sk-abcdefghijklmnopqrstuvwx", "sk-abcdefghijklmnopqrstuvwx", "api_key"),
        ("AKIAIOSFODNN7EXAMPLE is it", "AKIAIOSFODNN7EXAMPLE", "api_key"),
        ("手机１３８００１３８０００。", "１３８００１３８０００", "phone"),
        ("13\u200b800138000", "13\u200b800138000", "phone"),
    ],
)
def test_personal_data_is_found(text: str, data: str, kind: str) -> None:
    """Each kind is found where it stands, also in full width and with invisible characters."""
    assert found(text) == [(data, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "Order 1234567890123456 of 2024-10-11 12:33:44, version 1.2.3.",
        "Pi is 3.14159265358979323846.",
        "The server is 192.168.10.1:8080, process 65535.",
        "Call 988, 116 123, 13 11 14 or 2389 2222.",
        "ISBN 978-3-16-148410-0, timestamp 1700000000000.",
        "Card 4111 1111 1111 1112 fails its checksum, 0000 0000 0000 0000 too.",
        "身份证110105194912310021。",
        "IBAN DE89 3704 0044 0532 0130 01",
        "Write to support@covenant.dev or to anybody@example.com.",
        "Use user@host in the shell, and @mention people.",
        "It rose from 1990 to 2000, by 100 000 000 in all.",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    """Checksums, forms and roles keep numbers and public addresses readable."""
    assert found(text) == []


def test_a_private_key_is_hidden_whole() -> None:
    """From its first to its last line, or to the end of the text."""
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert found(f"Here: {key} ok") == [(key, "api_key")]


def test_only_the_kinds_asked_for_are_found() -> None:
    """A policy chooses what is hidden at each stage."""
    text = "bob@corp.io and 4111 1111 1111 1111"
    assert found(text, Detectors(frozenset({Kind.CARD}))) == [("4111 1111 1111 1111", "card")]


def test_what_the_reader_gave_is_not_hidden_from_them() -> None:
    """Known data is recognised in another spelling too."""
    known = known_data(["My number is +44 7700 900461."])
    assert known == {essence("+44 7700 900461")}
    assert ALL.find("Your number is +44-7700-900461.", known=known) == ()


def test_spans_come_in_order_and_do_not_overlap() -> None:
    """A number that could be two things is hidden once."""
    text = "a@b.io then 4111111111111111 then +1 212 555 0187."
    spans = ALL.find(text)
    assert [span.kind for span in spans] == [Kind.EMAIL, Kind.CARD, Kind.PHONE]
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (passes_luhn, "4111111111111111", "4111111111111121"),
        (passes_mod_97, "GB82WEST12345698765432", "GB82WEST12345698765423"),
        (passes_chinese_id, "11010519491231002X", "110105194912310020"),
    ],
)
def test_checksums_tell_a_slip(check: object, good: str, bad: str) -> None:
    """A changed or swapped digit fails."""
    assert callable(check)
    assert check(good)
    assert not check(bad)
