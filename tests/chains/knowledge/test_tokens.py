from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.knowledge.tokens import Tokenizer


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Running quickly, she RUNS.", ["run", "quick", "run"]),
        ("What is the price of it?", ["price"]),
        ("Müller's café", ["muller", "cafe"]),
        ("COVENANT_PORT=8000", ["coven", "port", "8000"]),
        ("北京大学", ["北", "京", "大", "学", "北京", "京大", "大学"]),
        ("Qwen模型", ["qwen", "模", "型", "模型"]),
        ("什么是模型？", ["是", "模", "型", "是模", "模型"]),
        ("ｆｕｌｌ ｗｉｄｔｈ", ["full", "width"]),
        ("книги книга", ["книг", "книг"]),
        ("한국어", ["한", "국", "어", "한국", "국어"]),
        ("", []),
        ("the of and", []),
        ("!? …", []),
    ],
)
def test_terms_of_a_text(text: str, terms: list[str]) -> None:
    """Words are stemmed and freed of stop words; text without blanks becomes uni- and bigrams."""
    assert Tokenizer().tokens(text) == terms


def test_a_bigram_does_not_reach_over_a_stop_word() -> None:
    """What a stop word separates is not joined."""
    assert "京学" not in Tokenizer().tokens("北京的学生")


@given(st.text(max_size=200))
def test_any_text_has_terms_that_are_words(text: str) -> None:
    """No text breaks the tokenizer, and no term is empty or overlong."""
    assert all(0 < len(term) <= 40 for term in Tokenizer().tokens(text))


def test_threads_share_a_tokenizer() -> None:
    """Stemmers are kept apart by thread: many threads at once get the same terms."""
    tokenizer = Tokenizer()
    text = "connections connected connecting " * 200
    expected = tokenizer.tokens(text)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(tokenizer.tokens, [text] * 64))

    assert all(result == expected for result in results)
