import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.cite import Citations
from chains.events import Citation
from tests.fakes.turns import passage

PIECES = st.sampled_from(
    [
        *("[1]", "[2]", "[9]", "[1, 2]", "[2][3]", "【1】", "[1-3]", "[12", "]", "[", "(", "`"),
        *("```", "\n", "\n\n", "\n- ", " ", ". ", "。", "! ", ", ", "“", "3.5", "https://x.org"),
        *("Paris is big", "According to ", "see ", "and ", "根据", "巴黎是首都", "x = ", "Rome"),
    ]
)


def cited(windows: list[str], passages: int = 3) -> tuple[str, list[tuple[int, str, int, int]]]:
    marks = Citations(tuple(passage(n, "text") for n in range(1, passages + 1)))
    text, found = "", list[Citation]()
    for window in windows:
        released, citations = marks.feed(window)
        text += released
        found.extend(citations)
    released, citations = marks.flush()
    text += released
    found.extend(citations)
    return text, [(each.n, each.source_id, each.start, each.end) for each in found]


def claims(answer: str, passages: int = 3) -> tuple[str, list[tuple[int, str]]]:
    text, found = cited([answer], passages)
    return text, [(n, text[start:end]) for n, _, start, end in found]


@pytest.mark.parametrize(
    ("answer", "released", "expected"),
    [
        ("Paris is big [1].", "Paris is big [1].", [(1, "Paris is big")]),
        ("Rome is old. Paris is big [1].", "Rome is old. Paris is big [1].", [(1, "Paris is big")]),
        ("Paris is big. [1] Rome.", "Paris is big. [1] Rome.", [(1, "Paris is big.")]),
        ("Big [1] and old [2].", "Big [1] and old [2].", [(1, "Big"), (2, "and old")]),
        ("Big [1, 2].", "Big [1][2].", [(1, "Big"), (2, "Big")]),
        ("Big [1][2].", "Big [1][2].", [(1, "Big"), (2, "Big")]),
        ("Big [1] [2].", "Big [1] [2].", [(1, "Big"), (2, "Big")]),
        ("Big [1-3].", "Big [1][2][3].", [(1, "Big"), (2, "Big"), (3, "Big")]),
        ("Big ([1]).", "Big ([1]).", [(1, "Big")]),
        ("Big (see [1]).", "Big (see [1]).", [(1, "Big")]),
        ("Big [1]. See [2].", "Big [1]. See [2].", [(1, "Big"), (2, "Big")]),
        ("It costs 3.5 EUR [1].", "It costs 3.5 EUR [1].", [(1, "It costs 3.5 EUR")]),
        ("巴黎很大【1】。", "巴黎很大[1]。", [(1, "巴黎很大")]),
        ("罗马很老。巴黎很大［2］。", "罗马很老。巴黎很大[2]。", [(2, "巴黎很大")]),
        ("巴黎很大[1，2]。", "巴黎很大[1][2]。", [(1, "巴黎很大"), (2, "巴黎很大")]),
        ("- **Big** [1]\n- old [2]", "- **Big** [1]\n- old [2]", [(1, "**Big**"), (2, "old")]),
        ("Big, see [1]. Old.", "Big, see [1]. Old.", [(1, "Big")]),
    ],
)
def test_a_mark_stands_for_the_words_before_it(
    answer: str, released: str, expected: list[tuple[int, str]]
) -> None:
    """Whatever form a mark has, it is released as `[n]` and spans its claim, without the mark."""
    assert claims(answer) == (released, expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("According to [1], Paris is big. Rome.", [(1, "Paris is big.")]),
        ("As described in [2], it is old.", [(2, "it is old.")]),
        ("根据[1]，巴黎很大。", [(1, "巴黎很大。")]),
        ("[1] and [2] say it is big.", [(1, "say it is big."), (2, "say it is big.")]),
        ("According to [1], it is big [2].", [(1, "it is big"), (2, "it is big")]),
        ("Sources:\n[1] The guide\n[2] Rails\n", [(1, "The guide"), (2, "Rails")]),
    ],
)
def test_a_mark_that_opens_a_sentence_stands_for_what_follows(
    answer: str, expected: list[tuple[int, str]]
) -> None:
    """Where the source comes first, its claim is the rest of the sentence."""
    assert claims(answer)[1] == expected


def test_a_line_of_marks_alone_stands_for_what_was_said_last() -> None:
    """Marks below the last paragraph cite its last sentence."""
    assert claims("Rome is old. Paris is big.\n\n[1][2]")[1] == [
        (1, "Paris is big."),
        (2, "Paris is big."),
    ]


@pytest.mark.parametrize(
    ("answer", "released"),
    [
        ("An invented mark [9] is dropped.", "An invented mark is dropped."),
        ("At the end [9].", "At the end."),
        ("At the very end [9]", "At the very end"),
        ("Without a blank[9].", "Without a blank."),
        ("Before a letter [9]x", "Before a letter x"),
        ("Half of it [2, 9].", "Half of it [2]."),
        ("巴黎很大【9】。", "巴黎很大。"),
    ],
)
def test_a_number_no_passage_has_is_dropped(answer: str, released: str) -> None:
    """What remains reads as if the invented number had never been there."""
    text, found = claims(answer)

    assert text == released
    assert all(n in (1, 2, 3) for n, _ in found)


@pytest.mark.parametrize(
    "answer",
    [
        "Index it with `items[1]`, or:\n```py\nx[1] = items[2]\n```\n",
        "A [1](https://x.org) is a link.",
        "The list is x = [1, 2, 3].",
        "In [2024] and [100] nothing is cited.",
        "Never closed [1",
        "~~~\ny[1]\n~~~\n",
        "Backwards [3-1].",
    ],
)
def test_brackets_that_are_no_marks_stay(answer: str) -> None:
    """Code, links, lists and years are released as they are and cite nothing."""
    assert claims(answer) == (answer, [])


def test_code_ends_where_it_ends() -> None:
    """Behind a code span, an unclosed one's line, or a fence, marks are marks again."""
    text, found = claims(
        "Use `a[1]` here [1].\nAn open `tick [2]\nends [2].\n```\nx[3]\n```\nDone [3]."
    )

    assert found == [(1, "Use `a[1]` here"), (2, "ends"), (3, "Done")]
    assert "`tick [2]" in text


def test_without_passages_a_number_list_is_a_list() -> None:
    """When nothing can be cited a single mark is an invention, several numbers are an answer."""
    assert claims("Sorted: [1, 2, 3]. So it is [1].", passages=0) == (
        "Sorted: [1, 2, 3]. So it is.",
        [],
    )


def test_citations_name_their_sources() -> None:
    """A citation carries the id of the passage its number stands for."""
    assert [source for _, source, _, _ in cited(["Big [2]. Old [1]."])[1]] == ["p2", "p1"]


def test_what_could_become_a_mark_is_held_back() -> None:
    """A bracket at the end of a window waits until it is told what it is."""
    marks = Citations((passage(1, "text"),))

    assert marks.feed("Paris is big [") == ("Paris is big", ())
    assert marks.feed("1")[0] == ""
    assert marks.feed("]")[0] == ""
    text, citations = marks.feed(".")
    assert text == " [1]."
    assert [(each.start, each.end) for each in citations] == [(0, 12)]


def test_positions_follow_what_was_dropped_and_rewritten() -> None:
    """An offset in the fed text maps to where the same character was released."""
    fed = "One [9] two【1】 three [1, 2] four."
    marks = Citations((passage(1, "a"), passage(2, "b")))
    released = marks.feed(fed)[0] + marks.flush()[0]

    for word in ("One", "two", "three", "four"):
        at = marks.position(fed.index(word))
        assert released[at : at + len(word)] == word


@given(st.lists(PIECES, max_size=30), st.data())
def test_windows_do_not_matter(pieces: list[str], data: st.DataObject) -> None:
    """However a text is cut, the released text and the citations are the same."""
    text = "".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    windows = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert cited(windows) == cited([text])


@given(st.lists(PIECES, max_size=30))
def test_spans_are_words_of_the_answer(pieces: list[str]) -> None:
    """A span lies within the released text, has words, and neither begins nor ends blank."""
    text, found = cited(["".join(pieces)])

    for _, _, start, end in found:
        span = text[start:end]
        assert span
        assert span == span.strip()
        assert any(character.isalnum() for character in span)


@given(st.text(max_size=80))
def test_text_without_brackets_is_released_whole(text: str) -> None:
    """Nothing but marks is ever changed."""
    plain = text.replace("[", "").replace("【", "").replace("［", "")

    assert cited([plain]) == (plain, [])
