from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders.pdf import load_pdf


def pdf(*pages: str, title: str | None = None, password: str | None = None) -> bytes:
    """A PDF with one line of text for each line of a page."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(600, 800)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n") if line)
        stream.set_data(f"BT /F1 12 Tf 50 700 Td {lines}ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password is not None:
        writer.encrypt(password)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def test_pages_keep_their_numbers() -> None:
    """Each page's text stands under its number; a page without text counts and has none."""
    document = load_pdf(pdf("First page.", "", "Third page.", title="Report"), "file")

    assert document.title == "Report"
    assert [(s.page, s.blocks[0].text) for s in document.sections] == [
        (1, "First page."),
        (3, "Third page."),
    ]


def test_lines_of_the_layout_become_running_text() -> None:
    """Words divided at the end of a line are joined again, lines become blanks."""
    document = load_pdf(pdf("A con-\nversation is\nerased."), "file")

    assert document.sections[0].blocks[0].text == "A conversation is erased."
    assert document.title == "file"


@pytest.mark.parametrize(
    ("data", "reason"),
    [(pdf("Text.", password="secret"), "password"), (pdf(""), "scanned")],
    ids=["locked", "scanned"],
)
def test_a_pdf_without_readable_text_says_why(data: bytes, reason: str) -> None:
    """A locked file and one of pictures are refused with what can be done."""
    with pytest.raises(UnreadableDocumentError, match=reason):
        load_pdf(data, "file")


def test_a_pdf_that_anyone_may_open_is_read() -> None:
    """Some files are encrypted with an empty password, which viewers never ask for."""
    assert load_pdf(pdf("Text.", password=""), "file").sections[0].blocks[0].text == "Text."
