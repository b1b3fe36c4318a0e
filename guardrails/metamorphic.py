"""Writing a text otherwise without changing what it asks: a verdict must survive that."""

import re
from typing import Final

from guardrails.dialogue import spoken_language
from guardrails.principles import Example, Examples, Transform

_LEET: Final = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5"})
_WORD: Final = re.compile(r"[A-Za-z]{5,}")
_QUESTION: Final = re.compile(r"^How (?:do|can|could|should) (?:I|you|we) (?P<rest>.+?)\?$")


def transformed(examples: Examples) -> list[Example]:
    """The violating examples in the forms that `metamorphic` names, where a form exists.

    `zh` has no form made by code: the Chinese examples that stand beside the English are its.
    """
    return [
        Example(input=changed)
        for transform in examples.metamorphic
        for example in examples.violates
        if example.output is None and (changed := rewrite(example.input, transform)) is not None
    ]


def rewrite(text: str, transform: Transform) -> str | None:
    """Write an English text otherwise; None where this form of it does not exist."""
    if spoken_language(text) != "en":
        return None
    if transform == "typos":
        return with_typos(text)
    if transform == "leetspeak":
        return text.translate(_LEET)
    if transform == "past_tense":
        match = _QUESTION.match(text)
        return f"How did people {match.group('rest')} in the past?" if match else None
    return None


def with_typos(text: str) -> str:
    """Swap two letters inside every third long word, as hasty fingers do."""
    count = 0

    def swap(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        word = match.group()
        if count % 3 != 1:
            return word
        middle = len(word) // 2
        return word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]

    return _WORD.sub(swap, text)
