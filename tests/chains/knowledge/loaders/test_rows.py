import pytest

from chains.knowledge.document import Document
from chains.knowledge.errors import UnreadableDocumentError
from chains.knowledge.loaders.rows import load_csv, load_jsonl


def texts(document: Document) -> list[str]:
    return [block.text for section in document.sections for block in section.blocks]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_row_is_a_block_of_named_values(separator: str) -> None:
    """Column names stand with each value, so that a row can be understood alone."""
    rows = [["name", "port"], ["redis", "6379"], ["web", ""]]

    data = "\n".join(separator.join(row) for row in rows)

    assert texts(load_csv(data, title="t")) == ["name: redis\nport: 6379", "name: web"]


def test_quoted_cells_and_surplus_cells_are_kept() -> None:
    """A cell may hold separators and lines; cells beyond the names lose nothing."""
    assert texts(load_csv('a,b\n"1, one",2,3\n', title="t")) == ["a: 1, one\nb: 2\n3"]
    assert texts(load_csv("", title="t")) == []


def test_json_lines_are_blocks() -> None:
    """Each object is a block; lists are joined, empty values left out."""
    data = '{"q": "Why?", "tags": ["a", "b"], "x": null}\n\n{"q": "How?"}\n'

    assert texts(load_jsonl(data, title="t")) == ["q: Why?\ntags: a, b", "q: How?"]


@pytest.mark.parametrize("line", ["{", "[1]", "words"])
def test_a_line_that_is_no_object_is_named(line: str) -> None:
    """The person who added the file is told which line is wrong."""
    with pytest.raises(UnreadableDocumentError, match="Line 2"):
        load_jsonl('{"a": 1}\n' + line, title="t")
