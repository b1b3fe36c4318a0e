import pytest

from chains.quotes import MOST, Quoter
from tests.fakes.turns import passage

FILLER = "Nothing of interest stands in this sentence at all."


def texts(question: str, *passages: str) -> list[tuple[int, str]]:
    found = tuple(passage(n, text) for n, text in enumerate(passages, start=1))
    return [(quote.n, quote.text) for quote in Quoter().quotes(question, found)]


def test_the_sentence_that_answers_is_quoted() -> None:
    """Of a long passage the sentences that share words with the question are chosen."""
    passage_text = f"{FILLER * 8}\n\nConversations live in memory. They end after 12 hours."

    assert texts("How long do conversations live?", passage_text) == [
        (1, "Conversations live in memory. They end after 12 hours.")
    ]


def test_a_short_sentence_brings_those_before_it() -> None:
    """A sentence too short to be understood stands with what precedes it in its paragraph."""
    assert texts("What about strict?", "There are two settings of the checks. One is strict.") == [
        (1, "There are two settings of the checks. One is strict.")
    ]


def test_the_best_passages_are_quoted_first() -> None:
    """Quotations come by how well they fit, poor ones not at all, and never too many."""
    passages = ["Redis runs.", "Redis keeps conversations in memory.", FILLER]

    assert texts("Does Redis keep conversations in memory?", *passages)[0][0] == 2
    assert len(texts("Redis", *["Redis runs."] * 9)) == MOST
    assert 3 not in [n for n, _ in texts("Does Redis keep conversations?", *passages)]


def test_nothing_that_fits_is_nothing() -> None:
    """Without a shared word, or without passages, nothing is quoted."""
    assert texts("Zebras?", FILLER) == []
    assert texts("Zebras?") == []
    assert texts("", FILLER) == []


def test_quotations_are_word_for_word() -> None:
    """List marks and table rules go, words never change."""
    assert texts("port", "- host is where\n- port is 8000\n- name") == [
        (1, "host is where port is 8000 name")
    ]
    table = "| Variable | Default |\n| --- | --- |\n| COVENANT_PORT | 8000 |"
    assert "COVENANT_PORT | 8000" in texts("port", table)[0][1]
    assert texts("对话保存多久？", "对话只在内存中。最长保存12小时。") == [
        (1, "对话只在内存中。最长保存12小时。")
    ]


@pytest.mark.parametrize("listing", ["```sh\nmake run\n```", "```py\na = 1\n\nb = [1]\n```"])
def test_a_listing_comes_with_its_sentence(listing: str) -> None:
    """Code right behind the quoted paragraph belongs to it, its blank lines included."""
    (quote,) = Quoter().quotes(
        "How do I start it?", (passage(1, f"{FILLER}\n\nStart it like this:\n\n{listing}"),)
    )

    assert quote.code == listing


def test_code_elsewhere_and_long_code_is_left_out() -> None:
    """Only what stands right behind, and is short enough to read, is shown."""
    far = f"Start it like this.\n\n{FILLER}\n\n```\nmake run\n```"
    long = "Start it like this:\n\n```\n" + "line\n" * 300 + "```"

    assert [Quoter().quotes("start", (passage(1, text),))[0].code for text in (far, long)] == [
        None,
        None,
    ]


def test_a_heading_can_be_what_fits() -> None:
    """Where only title or heading share a word, the passage's beginning is quoted."""
    found = passage(1, "Type this. Then wait.")

    (quote,) = Quoter().quotes("document 1", (found,))

    assert quote.text == "Type this. Then wait."
