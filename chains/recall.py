"""The stage that fits the conversation into the model's context: the newest whole, the rest short.

Exchanges beyond the budget are not dropped in silence: a summary of them goes before those that
stay. The one here is made of their own words; a model-written one replaces `excerpts` in one line.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from langchain_core.runnables import Runnable, RunnableLambda

from chains.tokens import estimate_tokens
from chains.turn import Exchange, Turn
from guardrails.sentences import sentences

Summarise = Callable[[Sequence[Exchange], int], Awaitable[str]]
"""Tells exchanges, oldest first, in at most so many estimated tokens."""

_QUESTION_CHARS: Final = 200
_ANSWER_CHARS: Final = 240
_MARK: Final = re.compile(r"\s?\[\d+\]")
_SPACE: Final = re.compile(r"\s+")
_LEFT_OUT: Final = "(What came before this is left out.)"


async def excerpts(exchanges: Sequence[Exchange], budget: int) -> str:
    """Tell each exchange by its question and the first sentence of its answer.

    Where not all fit the newest do, and a line says that something is left out.

    Args:
        exchanges: Oldest first.
        budget: Most estimated tokens.

    Returns:
        One line a question and one an answer; empty where nothing fits.
    """
    # An exchange before the first one may have been forgotten altogether.
    complete = not exchanges or exchanges[0].parent_id is None
    budget -= estimate_tokens(_LEFT_OUT) + 1
    kept: list[str] = []
    for exchange in reversed(exchanges):
        entry = _entry(exchange)
        budget -= estimate_tokens(entry) + 1
        if budget < 0:
            complete = False
            break
        kept.append(entry)
    if not kept:
        return ""
    return "\n".join([*(() if complete else (_LEFT_OUT,)), *reversed(kept)])


def recall(
    *, history_tokens: int, summary_tokens: int, summarise: Summarise = excerpts
) -> Runnable[Turn, Turn]:
    """Build the stage that keeps the newest exchanges and sums up those before them.

    Args:
        history_tokens: Budget of exchanges kept whole, in estimated tokens.
        summary_tokens: Budget of the summary of all others, in estimated tokens; 0 for none.
        summarise: Writes the summary.
    """

    def unsummarised(turn: Turn) -> Turn:
        raise NotImplementedError("Summaries are asynchronous: use ainvoke or astream.")

    async def fit(turn: Turn) -> Turn:
        # A stopped exchange teaches the model nothing it may repeat.
        history = tuple(exchange for exchange in turn.history if exchange.answer)
        first = _first_that_fits(history, history_tokens)
        older, kept = history[:first], history[first:]
        if not older or not summary_tokens:
            return replace(turn, history=kept)
        return replace(turn, history=kept, summary=await summarise(older, summary_tokens))

    return RunnableLambda(unsummarised, afunc=fit, name="recall")


def _first_that_fits(history: Sequence[Exchange], budget: int) -> int:
    """Index of the oldest exchange from which on all fit `budget`; none is cut in half."""
    first = len(history)
    for exchange in reversed(history):
        budget -= estimate_tokens(exchange.question) + estimate_tokens(exchange.answer)
        if budget < 0:
            break
        first -= 1
    return first


def _entry(exchange: Exchange) -> str:
    question = _short(exchange.question, _QUESTION_CHARS)
    # Marks of an old answer would point at passages of the new one.
    said = sentences(_MARK.sub("", exchange.answer))
    return f"- asked: {question}\n  answered: {_short(said[0] if said else '', _ANSWER_CHARS)}"


def _short(text: str, most: int) -> str:
    line = _SPACE.sub(" ", text).strip()
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
