"""The rung that needs no model: it quotes the passages that were found, and says so."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from langchain_core.runnables import Runnable, RunnableGenerator

from chains.errors import ModelUnavailableError
from chains.quotes import Quote, Quoter
from chains.turn import Answering, Completed, Piece, Rung, Text, Turn, Usage

_MARK: Final = re.compile(r"\[(\d[\d,\s-]*)\]")
_RETRY_AFTER: Final = timedelta(seconds=10)
_FREE: Final = Usage(cost_usd=0.0)


def extractive(*, demo: bool) -> Runnable[Turn, Piece]:
    """Build the stage that answers by quoting the turn's passages, word for word.

    Args:
        demo: There is no model at all. Then this is how the service answers, and it says so where
            nothing fits, too. Otherwise it is the last rung below models that failed.

    Raises:
        ModelUnavailableError: When streaming, if models failed and the documents hold nothing.
    """
    quoter = Quoter()

    async def pieces(turns: AsyncIterator[Turn]) -> AsyncIterator[Piece]:
        async for turn in turns:
            quotes = quoter.quotes(turn.question, turn.passages)
            if not quotes and not demo:
                raise ModelUnavailableError(
                    "No model can be reached, and the documents do not answer this.",
                    retry_after=_RETRY_AFTER,
                )
            yield Answering(Rung.EXTRACTIVE, "none")
            yield Text(_opening(turn, demo=demo, found=bool(quotes)))
            for quote in quotes:
                yield Text(_written(quote))
            yield Completed("stop", _FREE)

    return RunnableGenerator(pieces, name="extractive")


def _opening(turn: Turn, *, demo: bool, found: bool) -> str:
    """One line that says why these are quotations, or that there are none."""
    if not demo:
        keys = ["degraded_extractive"]
    else:
        keys = ["no_model", "extractive_intro" if found else "not_in_documents"]
    policy = turn.pinned_rails.policy
    blank = "" if turn.language == "zh" else " "
    return blank.join(policy.message(key, turn.language) for key in keys)


def _written(quote: Quote) -> str:
    passage = quote.passage
    place = ": ".join(filter(None, (passage.title, passage.heading)))
    # A mark within the quotation would cite a passage of ours.
    words = _MARK.sub(r"(\1)", quote.text)
    listing = f"\n\n{quote.code}" if quote.code else ""
    return f"\n\n**{place}**\n\n\u201c{words}\u201d [{quote.n}]{listing}"
