import pytest

from chains.tokens import estimate_tokens


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("你好吗", 2), ("你", 1)]
)
def test_estimates_by_script(text: str, expected: int) -> None:
    """Four Latin characters or one and a half Chinese make a token, rounded up."""
    assert expected == estimate_tokens(text)
