from io import BytesIO

import docx
import pytest

from chains.knowledge.document import Block
from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders import docx as loader


def saved(document: "docx.document.Document") -> bytes:
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def test_headings_lists_and_tables_are_read_in_order() -> None:
    """A Word document's title, headings, lists and tables keep their places."""
    document = docx.Document()
    document.add_heading("Handbook", 0)
    document.add_paragraph("Intro.")
    document.add_heading("Leave", 1)
    document.add_paragraph("Thirty days.", style="List Bullet")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Who", "Days"
    row = table.add_row()
    row.cells[0].text, row.cells[1].text = "All", "30"
    document.add_paragraph("")

    read = loader.load_docx(saved(document), "file")

    assert read.title == "Handbook"
    assert [(section.headings, section.blocks) for section in read.sections] == [
        ((), (Block("Intro."),)),
        (
            ("Leave",),
            (
                Block("- Thirty days."),
                Block("| Who | Days |\n| --- | --- |\n| All | 30 |", "table"),
            ),
        ),
    ]


def test_properties_name_a_document_without_title() -> None:
    """The title among the properties stands in, and the file's name at last."""
    document = docx.Document()
    document.add_paragraph("Text.")
    assert loader.load_docx(saved(document), "file").title in ("file", "Word Document")
    document.core_properties.title = "Named"

    assert loader.load_docx(saved(document), "file").title == "Named"


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive may not fill the memory."""
    document = docx.Document()
    document.add_paragraph("Text.")
    monkeypatch.setattr(loader, "MAX_UNPACKED", 100)

    with pytest.raises(UnreadableDocumentError, match="unpacks"):
        loader.load_docx(saved(document), "file")
