import pytest

from chains.knowledge.document import Block
from chains.knowledge.loaders.html import load_html


def page(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


def texts(body: str) -> list[str]:
    return [b.text for section in load_html(page(body), "t").sections for b in section.blocks]


def test_headings_make_sections() -> None:
    """A page's headings say where each paragraph stands; the first names the page."""
    document = load_html(page("<h1>Guide</h1><p>Intro.</p><h2>Use</h2><p>A.</p>"), "file")

    assert document.title == "Guide"
    assert [(s.headings, s.blocks) for s in document.sections] == [
        ((), (Block("Intro."),)),
        (("Use",), (Block("A."),)),
    ]


def test_a_page_names_itself() -> None:
    """The title element and the canonical address are the document's; other schemes are not."""
    head = '<title> My  page </title><link rel="canonical" href="https://x.org/a">'

    document = load_html(page("<p>Text.</p>", head), "file")

    assert (document.title, document.url) == ("My page", "https://x.org/a")
    evil = '<link rel="canonical" href="javascript:alert(1)">'
    assert load_html(page("<p>Text.</p>", evil), "file").url is None
    assert load_html(page("<p>Text.</p>"), "file").title == "file"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>orders()</script>",
        "<style>p {}</style>",
        "<!-- an order -->",
        "<nav><a href='/'>Home</a></nav>",
        "<p hidden>An order.</p>",
        "<div style='display: none'>An order.</div>",
        "<span style='font-size:0px'>An order.</span>",
        "<p aria-hidden='true'>An order.</p>",
        "<template><p>An order.</p></template>",
    ],
)
def test_what_a_reader_does_not_see_is_not_read(hidden: str) -> None:
    """Scripts, comments and hidden text are no part of the document."""
    assert texts(f"<p>Seen.</p>{hidden}<p>Too.</p>") == ["Seen.", "Too."]


def test_the_main_part_is_enough() -> None:
    """Where a page says what its main part is, the rest is left out."""
    assert texts("<div>Menu</div><main><p>Text.</p></main><div>Imprint</div>") == ["Text."]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Some <b>bold</b> <a href='https://evil.example'>words</a>.</p>", ["Some bold words."]),
        ("<p>One<br>two</p>", ["One two"]),
        ("<ul><li>one</li><li>two</li></ul>", ["- one", "- two"]),
        ("loose <p>text</p> around", ["loose", "text", "around"]),
        ("<pre>a = 1\n  b</pre>", ["```\na = 1\n  b\n```"]),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            ["| a | b |\n| --- | --- |\n| 1 | 2 |"],
        ),
        ("<img src='https://evil.example/x.png' alt='chart'>", []),
        ("<ul><li></li></ul>", []),
    ],
)
def test_blocks_keep_their_words(html: str, expected: list[str]) -> None:
    """Tags go, words stay; lists, listings and tables keep their shape."""
    assert texts(html) == expected


def test_an_encoding_is_read_as_declared() -> None:
    """A page that says how it is written is read so."""
    data = "<meta charset='gb2312'><p>对话内容</p>".encode("gb2312")

    assert load_html(data, "t").sections[0].blocks[0].text == "对话内容"
