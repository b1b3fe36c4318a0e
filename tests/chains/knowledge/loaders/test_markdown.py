import pytest

from chains.knowledge.document import Block, Document
from chains.knowledge.loaders.markdown import load_markdown


def blocks(document: Document) -> list[tuple[tuple[str, ...], str, str]]:
    return [
        (section.headings, block.kind, block.text)
        for section in document.sections
        for block in section.blocks
    ]


def only(text: str) -> Block:
    (section,) = load_markdown(text, title="t").sections
    (block,) = section.blocks
    return block


def test_headings_make_sections() -> None:
    """The first top heading is the title; those below it say where each block stands."""
    document = load_markdown(
        "# Guide\nIntro.\n## Use\nA.\n### Deep\nB.\n## Other\nC.\n", title="file"
    )

    assert document.title == "Guide"
    assert blocks(document) == [
        ((), "prose", "Intro."),
        (("Use",), "prose", "A."),
        (("Use", "Deep"), "prose", "B."),
        (("Other",), "prose", "C."),
    ]


def test_front_matter_names_the_document() -> None:
    """Title and address may stand in YAML before the text, which they are no part of."""
    document = load_markdown("---\ntitle: Named\nurl: https://x.org/a\n---\nText.\n", title="file")

    assert (document.title, document.url) == ("Named", "https://x.org/a")
    assert blocks(document) == [((), "prose", "Text.")]


@pytest.mark.parametrize("front", ["---\n[broken\n---\n", "---\njust words\n---\n"])
def test_broken_front_matter_is_text(front: str) -> None:
    """What is no front matter loses nothing and breaks nothing."""
    document = load_markdown(front + "Text.\n", title="file")

    assert document.title != ""
    assert "Text." in blocks(document)[-1][2]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (
            "Some *bold* and **strong** [words](https://evil.example/x).",
            "Some bold and strong words.",
        ),
        ("![a chart](https://evil.example/track.png)", "a chart"),
        ("Run `make run` now.", "Run `make run` now."),
        ("One line\nand another.", "One line and another."),
        ("第一行\n第二行", "第一行第二行"),
        ("Hard  \nbreak", "Hard\nbreak"),
        ("> A quotation.", "A quotation."),
        ("- one\n- two\n  - deep\n", "- one\n- two\n  - deep"),
        ("3. three\n4. four\n", "3. three\n4. four"),
        ("<div>Some <b>text</b></div>", "Some text"),
        ("A &amp; B \\[1\\]", "A & B [1]"),
    ],
)
def test_prose_keeps_its_words(markdown: str, text: str) -> None:
    """Decoration, addresses and tags go; words, list marks and code stay."""
    assert only(markdown) == Block(text)


def test_listings_and_tables_keep_their_shape() -> None:
    """Code is kept as it is written, tables as tables without addresses."""
    assert only("```sh\nmake  run\n```") == Block("```sh\nmake  run\n```", "code")
    assert only("|a|b|\n|-|-|\n|1|[x](https://y.org)|") == Block(
        "| a | b |\n| --- | --- |\n| 1 | x |", "table"
    )


@pytest.mark.parametrize(
    "text", ["", "<!-- a secret order -->", "---\n", "> \n\n- \n", "# Title\n"]
)
def test_what_holds_no_text_has_no_sections(text: str) -> None:
    """Comments, rules and empty elements are not text."""
    assert load_markdown(text, title="t").sections == ()


def test_a_listing_in_a_list_is_kept() -> None:
    """Elements of any kind may stand inside a list."""
    assert "make run" in only("1. Start:\n\n   ```sh\n   make run\n   ```\n").text
