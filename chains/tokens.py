"""Estimating tokens without a tokenizer: budgets need a bound, not a count."""

_CHARS_PER_TOKEN = 4.0
_CJK_CHARS_PER_TOKEN = 1.5
_FIRST_CJK = "\u2e80"


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a Qwen tokenizer makes of `text`, rounded up.

    About four characters of Latin text, or one and a half of Chinese, make a token.
    """
    wide = sum(character >= _FIRST_CJK for character in text) if not text.isascii() else 0
    return -int(-((len(text) - wide) / _CHARS_PER_TOKEN + wide / _CJK_CHARS_PER_TOKEN) // 1)
