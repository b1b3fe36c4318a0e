"""HTML: what a reader of the page sees, without navigation, scripts and hidden text."""

import re
from collections.abc import Iterator
from typing import Final

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement, PreformattedString

from chains.knowledge.document import Block, Document
from chains.knowledge.loaders.sections import Sections

_NOT_TEXT: Final = ("script", "style", "noscript", "template", "svg", "canvas", "iframe", "object")
_NOT_CONTENT: Final = ("head", "nav", "header", "footer", "aside", "form", "button", "select")
_HIDDEN_STYLE: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_HEADING: Final = re.compile(r"h([1-6])")
_BLOCKS: Final = frozenset(
    {"address", "article", "blockquote", "body", "dd", "details", "div", "dl", "dt", "figcaption"}
    | {"figure", "html", "li", "main", "ol", "p", "section", "summary", "ul"}
)
_BLANKS: Final = re.compile(r"\s+")


def load_html(data: bytes, title: str) -> Document:
    """Read an HTML page; `main` or `article` alone where there is one.

    Args:
        data: The page, in any encoding it declares.
        title: What to call it where the page does not say.
    """
    page = BeautifulSoup(data, "html.parser")
    named = _words(page.title) if page.title else ""
    url = _address(page)
    for tag in page.find_all([*_NOT_TEXT, *_NOT_CONTENT]):
        tag.decompose()
    for tag in page.find_all(_is_hidden):
        tag.decompose()
    reader = _Reader()
    reader.read(page.find("main") or page.find("article") or page)
    return Document(reader.sections.title or named or title, reader.sections.closed(), url)


class _Reader:
    """Walks a page and collects its blocks."""

    def __init__(self) -> None:
        self.sections = Sections()
        self._words: list[str] = []

    def read(self, tag: Tag) -> None:
        for child in tag.children:
            self._read(child)
        self._end()

    def _read(self, node: PageElement) -> None:
        if isinstance(node, Tag):
            self._read_tag(node)
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            self._words.append(str(node))  # comments and declarations are preformatted strings

    def _read_tag(self, tag: Tag) -> None:
        heading = _HEADING.fullmatch(tag.name)
        if heading:
            self._end()
            self.sections.heading(int(heading[1]), _words(tag))
        elif tag.name == "pre":
            self._end()
            self.sections.add(Block(f"```\n{tag.get_text().strip()}\n```", "code"))
        elif tag.name == "table":
            self._end()
            self.sections.add(Block("\n".join(_rows(tag)), "table"))
        elif tag.name == "br":
            self._words.append(" ")
        elif tag.name in _BLOCKS:
            self._end()
            if tag.name == "li":
                self._words.append("- ")
            self.read(tag)
        else:
            for child in tag.children:
                self._read(child)

    def _end(self) -> None:
        text = _BLANKS.sub(" ", "".join(self._words)).strip()
        self._words = []
        if text.strip("- "):
            self.sections.add(Block(text))


def _is_hidden(tag: Tag) -> bool:
    style = tag.get("style")
    return (
        tag.has_attr("hidden")
        or tag.get("aria-hidden") == "true"
        or (isinstance(style, str) and bool(_HIDDEN_STYLE.search(style)))
    )


def _rows(table: Tag) -> Iterator[str]:
    for number, row in enumerate(table.find_all("tr")):
        cells = [_words(cell).replace("|", "\\|") for cell in row.find_all(["td", "th"])]
        yield "| " + " | ".join(cells) + " |"
        if number == 0:
            yield "|" + " --- |" * len(cells)


def _words(tag: Tag) -> str:
    return _BLANKS.sub(" ", tag.get_text(" ")).strip()


def _address(page: BeautifulSoup) -> str | None:
    link = page.find("link", rel="canonical")
    address = link.get("href") if link else None
    return address if isinstance(address, str) and address.startswith("https://") else None
