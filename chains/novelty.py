"""Telling what a person has asked already, by the terms of the search index."""

from collections.abc import Iterable
from typing import Final

from chains.knowledge.tokens import Tokenizer

_SAME: Final = 0.6
"""Share of terms from which two questions are one."""
_TOUCHED: Final = 0.5
"""Share of a question's terms in an answer from which it counts as answered."""


class Asked:
    """The questions of a conversation, by what they are about.

    Args:
        tokenizer: Tells what a text is about.
        questions: What the person asked so far.
    """

    def __init__(self, tokenizer: Tokenizer, questions: Iterable[str]) -> None:
        self._tokenizer = tokenizer
        self._asked: list[frozenset[str]] = []
        for question in questions:
            self.add(question)

    def add(self, text: str) -> None:
        """Count another text as asked."""
        if terms := self._terms(text):
            self._asked.append(terms)

    def is_new(self, text: str) -> bool:
        """Whether nothing that was asked is about the same."""
        terms = self._terms(text)
        return bool(terms) and not any(_alike(terms, before) for before in self._asked)

    def is_untouched(self, question: str, answer: str) -> bool:
        """Whether an answer leaves most of what a question is about untouched."""
        terms = self._terms(question)
        return bool(terms) and len(terms & self._terms(answer)) < _TOUCHED * len(terms)

    def _terms(self, text: str) -> frozenset[str]:
        return frozenset(self._tokenizer.tokens(text))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    # A heading that lies within a question was asked; a word in common is not enough.
    return one <= other or len(one & other) >= _SAME * len(one | other)
