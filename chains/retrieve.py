"""The stage that finds passages for the question."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from langchain_core.runnables import Runnable, RunnableLambda

from chains.knowledge.condense import context_of
from chains.turn import Passage, Turn

_log = logging.getLogger(__name__)


class SearchesPassages(Protocol):
    """Finds passages; `chains.knowledge.retriever.Retriever`."""

    async def search(self, query: str, *, limit: int, context: str) -> tuple[Passage, ...]:
        """The passages that answer a question, best first; none where the documents do not.

        Args:
            query: The question.
            limit: Most passages.
            context: What was asked before, where the question leans on it; else empty.
        """


def retrieve(
    retriever: SearchesPassages,
    *,
    limit: int,
    deadline: timedelta,
    context: Callable[[Turn], str] = context_of,
) -> Runnable[Turn, Turn]:
    """Build the stage that sets the turn's passages.

    Documents make an answer better and are no condition of one: where the search fails or takes
    too long, the turn goes on without passages.

    Args:
        retriever: Searches.
        limit: Most passages.
        deadline: How long the search may take.
        context: Tells what of the conversation the question leans on.
    """

    def unsearched(turn: Turn) -> Turn:
        raise NotImplementedError("Searching is asynchronous: use ainvoke or astream.")

    async def find(turn: Turn) -> Turn:
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                passages = await retriever.search(turn.question, limit=limit, context=context(turn))
                return replace(turn, passages=passages)
        except Exception as error:  # noqa: BLE001 - whatever fails here must not fail the turn
            # The error's own words may quote the question.
            _log.warning("Retrieval failed (%s); answering without passages.", type(error).__name__)
            return turn

    return RunnableLambda(unsearched, afunc=find, name="retrieve")
