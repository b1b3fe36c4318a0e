from hypothesis import given
from hypothesis import strategies as st

from chains.knowledge.document import Block, Document, Section
from chains.knowledge.splitter import TOKENS, split
from chains.tokens import estimate_tokens

BLOCKS = st.builds(
    Block,
    st.text(alphabet="ab. \n,字。", min_size=1, max_size=3000).filter(lambda t: bool(t.strip())),
    st.sampled_from(["prose", "code", "table"]),
)


def one_section(*blocks: Block, **kind: object) -> Document:
    return Document("Title", (Section(blocks, **kind),))  # type: ignore[arg-type] # tests pass what sections take


def test_small_blocks_of_a_section_stay_together() -> None:
    """Paragraphs that fit a passage are one passage, blank lines between them."""
    pieces = list(split(one_section(Block("One."), Block("Two."), headings=("A", "B"), page=3)))

    assert [(piece.text, piece.heading, piece.page) for piece in pieces] == [
        ("One.\n\nTwo.", "A \u203a B", 3)
    ]


def test_sections_are_never_mixed() -> None:
    """A passage belongs to one heading."""
    document = Document("T", (Section((Block("One."),), ("A",)), Section((Block("Two."),), ("B",))))

    assert [(piece.heading, piece.text) for piece in split(document)] == [
        ("A", "One."),
        ("B", "Two."),
    ]


def test_long_prose_is_cut_between_sentences() -> None:
    """A paragraph that does not fit is cut where sentences end."""
    sentence = "This sentence has some more words in it than others do. "

    pieces = list(split(one_section(Block(sentence * 60))))

    assert len(pieces) > 1
    assert all(piece.text.endswith("do.") for piece in pieces)


def test_long_code_is_cut_between_lines() -> None:
    """A listing that does not fit is cut between its lines, never within one."""
    lines = [f"value_{number} = compute(number={number})" for number in range(200)]

    pieces = list(split(one_section(Block("\n".join(lines), "code"))))

    assert [line for piece in pieces for line in piece.text.split("\n")] == lines


def test_a_text_without_any_pause_is_cut_too() -> None:
    """Encoded data of any length still makes passages that fit."""
    pieces = list(split(one_section(Block("x" * 20_000))))

    assert "".join(piece.text for piece in pieces) == "x" * 20_000
    assert all(estimate_tokens(piece.text) <= TOKENS for piece in pieces)


@given(st.lists(BLOCKS, max_size=6))
def test_nothing_is_lost_and_everything_fits(blocks: list[Block]) -> None:
    """Whatever the blocks, passages hold their characters in order, within the budget."""
    pieces = list(split(one_section(*blocks)))

    kept = "".join("".join(piece.text.split()) for piece in pieces)
    assert kept == "".join("".join(block.text.split()) for block in blocks)
    assert all(piece.text.strip() for piece in pieces)
    assert all(estimate_tokens(piece.text) <= TOKENS + 2 * len(blocks) for piece in pieces)
