"""Markdown: headings make sections; links and images lose their addresses.

An address in a retrieved text is a way out for what a conversation holds (an image is fetched when
it is shown), and no reader needs it to check a quotation.
"""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from typing_extensions import override

from chains.knowledge.document import Block, Document
from chains.knowledge.loaders.sections import Sections

_FRONT_MATTER: Final = re.compile(r"\A---\n(?P<yaml>.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_SOFT_BREAK: Final = re.compile(r"\r")
_SOFT_BREAK_IN_CJK: Final = re.compile(r"(?<=[\u2e80-\uffef])\r(?=[\u2e80-\uffef])")


def load_markdown(data: str, *, title: str) -> Document:
    """Read Markdown (CommonMark and tables), with YAML front matter for `title` and `url`.

    Args:
        data: The text.
        title: What to call it where neither front matter nor a first-level heading does.
    """
    data = data.replace("\r\n", "\n")
    front, body = _front_matter(data)
    lines = body.split("\n")
    parser = MarkdownIt("commonmark").enable("table")
    sections = Sections()
    for node in SyntaxTreeNode(parser.parse(body)).children:
        if node.type == "heading":
            sections.heading(int(node.tag[1:]), _inline(node.children))
        else:
            block = _block(node, lines)
            if block:
                sections.add(block)
    return Document(
        title=front.get("title") or sections.title or title,
        sections=sections.closed(),
        url=front.get("url"),
    )


def _front_matter(data: str) -> tuple[dict[str, str], str]:
    match = _FRONT_MATTER.match(data)
    if not match:
        return {}, data
    try:
        found = yaml.safe_load(match["yaml"])
    except yaml.YAMLError:
        return {}, data
    if not isinstance(found, dict):
        return {}, data
    fields = {key: found[key] for key in ("title", "url") if isinstance(found.get(key), str)}
    return fields, data[match.end() :]


def _block(node: SyntaxTreeNode, lines: Sequence[str]) -> Block | None:
    """A top-level element; None where it has no text (a rule, a comment, an empty list)."""
    if node.type in ("fence", "code_block"):
        block = Block(_source(node, lines), "code")
    elif node.type == "table":
        block = Block(_table(node), "table")
    else:
        block = Block("\n".join(_lines(node, lines)))
    return block if block.text.strip() else None


def _lines(node: SyntaxTreeNode, lines: Sequence[str]) -> list[str]:
    """An element as plain lines, nested lists indented."""
    if node.type in ("paragraph", "heading"):
        return _inline(node.children).split("\n")
    if node.type in ("bullet_list", "ordered_list"):
        return [line for item in _items(node, lines) for line in item]
    if node.type == "html_block":
        return _without_tags(node.content).split("\n")
    if node.type in ("fence", "code_block", "table"):
        block = _block(node, lines)
        return block.text.split("\n") if block else []
    return [line for child in node.children for line in _lines(child, lines)]


def _items(node: SyntaxTreeNode, lines: Sequence[str]) -> list[list[str]]:
    number = int(node.attrs.get("start", 1))
    items: list[list[str]] = []
    for at, item in enumerate(node.children):
        mark = "- " if node.type == "bullet_list" else f"{number + at}. "
        inside = [line for child in item.children for line in _lines(child, lines)]
        if any(line.strip() for line in inside):
            indent = " " * len(mark)
            items.append([mark + inside[0], *(indent + line for line in inside[1:])])
    return items


def _table(node: SyntaxTreeNode) -> str:
    rows = [
        [_inline(cell.children).replace("|", "\\|") for cell in row.children]
        for part in node.children
        for row in part.children
    ]
    written = ["| " + " | ".join(row) + " |" for row in rows]
    written.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(written)


def _source(node: SyntaxTreeNode, lines: Sequence[str]) -> str:
    first, last = node.map or (0, 0)
    return "\n".join(lines[first:last])


def _inline(nodes: Sequence[SyntaxTreeNode]) -> str:
    """The words of inline text: without emphasis, addresses and tags; code keeps its marks."""
    text = "".join(_word(token) for node in nodes for token in _tokens(node))
    # A line break in the source is a blank between words, and nothing between Chinese characters.
    return _SOFT_BREAK.sub(" ", _SOFT_BREAK_IN_CJK.sub("", text)).strip()


def _tokens(node: SyntaxTreeNode) -> Sequence[Token]:
    return (node.token and node.token.children) or ()


def _word(token: Token) -> str:
    if token.type in ("text", "text_special", "image"):
        return token.content
    if token.type == "code_inline":
        return f"{token.markup}{token.content}{token.markup}"
    if token.type in ("softbreak", "hardbreak"):
        return "\r" if token.type == "softbreak" else "\n"
    return ""


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    @override
    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _without_tags(html: str) -> str:
    parser = _Words()
    parser.feed(html)
    parser.close()
    return "".join(parser.words).strip()
