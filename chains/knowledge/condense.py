"""Follow-up questions, made whole with the words of what was asked before.

Without a model this is done by what can be seen: a question that points back ("and how long is it
kept?") or is too short to stand alone is searched together with the question before it, whose words
count half.
"""

import re
from typing import Final

from chains.turn import Turn
from guardrails.dialogue import Role

_POINTS_BACK: Final = re.compile(
    r"""\b(?:it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|there|one|ones
    |same|former|latter|above|previous|earlier|instead|else|then)\b
    |^(?:and|but|or|so|also|why|how\ so|what\ about|how\ about|what\ if|which\ one|more
    |tell\ me\ more|go\ on|for\ example|such\ as)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_POINTS_BACK_CHINESE: Final = re.compile(
    r"它|他们|她们|这个|那个|这些|那些|这样|那样|这里|那里|上面|前面|刚才|前者|后者|^(?:那|还有|然后|为什么|怎么|比如|例如|继续)|呢[？?]?$"  # noqa: RUF001 - Chinese punctuation
)
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W_]+")
_SHORT: Final = 3
_SHORT_CHINESE: Final = 5
_LONG: Final = 40
_MOST_CHARS: Final = 1000


def context_of(turn: Turn) -> str:
    """The question before, where the turn's own does not stand alone; else nothing."""
    before = _asked_before(turn)
    if before is None or not leans_on_what_came_before(turn.question):
        return ""
    return before[:_MOST_CHARS]


def leans_on_what_came_before(question: str) -> bool:
    """Whether a question points back or is too short to be understood alone."""
    words = _WORD.findall(question)
    if len(words) > _LONG:
        return False  # whoever writes this much says what it is about
    chinese = sum(len(word) == 1 and word >= "\u3040" for word in words)
    if chinese * 2 > len(words):
        return len(words) <= _SHORT_CHINESE or bool(_POINTS_BACK_CHINESE.search(question))
    return len(words) <= _SHORT or bool(_POINTS_BACK.search(question))


def _asked_before(turn: Turn) -> str | None:
    if turn.history:
        return turn.history[-1].question
    said = [message.text for message in turn.preamble if message.role is Role.USER]
    return said[-1] if said else None
