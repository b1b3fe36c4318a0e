from pathlib import Path

import pytest

from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders.files import can_load, load

CHINESE = "对话内容只保存在内存中。" * 5


def text_of(data: bytes, name: str = "a_long-name.txt") -> str:
    return "\n".join(
        block.text for section in load(Path(name), data).sections for block in section.blocks
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Größe".encode(), "Größe"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        ("Größe und Maß".encode("cp1252"), "Größe und Maß"),
        (CHINESE.encode("gb18030"), CHINESE),
        (CHINESE.encode("utf-16"), CHINESE),
    ],
)
def test_text_is_decoded_as_it_was_written(data: bytes, text: str) -> None:
    """UTF-8 first, then what old Chinese and Western files are written in."""
    assert text_of(data) == text


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.exe", b"MZ", "not one of"),
        ("a.txt", b"\x00\x01\x02", "not text"),
        ("a.txt", b"\xff\xfeA", "no encoding"),
        ("a.md", b"  \n", "holds no text"),
        ("a.pdf", b"%PDF-1.7 broken", "cannot be read as PDF"),
        ("a.docx", b"PK broken", "cannot be read as DOCX"),
        ("a.pdf", b"", "cannot be read as PDF"),
    ],
)
def test_a_file_that_is_no_document_says_why(name: str, data: bytes, reason: str) -> None:
    """Each refusal is a sentence for the person who added the file."""
    with pytest.raises(UnreadableDocumentError, match=reason):
        load(Path(name), data)


def test_a_file_without_a_title_is_called_by_its_name() -> None:
    """Hyphens and underscores of a file's name are blanks of its title."""
    assert load(Path("my-long_name.txt"), b"text").title == "My long name"


def test_suffixes_are_compared_without_case() -> None:
    """README.MD is Markdown."""
    assert can_load(Path("README.MD"))
    assert not can_load(Path("image.png"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", b"<p>Some text</p>"),
        ("a.csv", b"a,b\nSome text,1\n"),
        ("a.jsonl", b'{"t": "Some text"}'),
    ],
)
def test_every_format_finds_its_loader(name: str, data: bytes) -> None:
    """The suffix chooses who reads the file."""
    assert "Some text" in text_of(data, name)


def test_paragraphs_of_plain_text_are_blocks() -> None:
    """Blank lines separate paragraphs, single line breaks do not."""
    assert text_of(b"one\ntwo\n\n  \nthree\n") == "one\ntwo\nthree"
