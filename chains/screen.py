"""The retrieval rails: retrieved text is data, and data that gives orders is withheld."""

from dataclasses import replace

from langchain_core.runnables import Runnable, RunnableLambda

from chains.turn import Passage, Turn
from guardrails.verdict import Decision, Outcome


def screen() -> Runnable[Turn, Turn]:
    """Build the stage that checks the turn's passages before a model or a person sees them."""

    def unchecked(turn: Turn) -> Turn:
        raise NotImplementedError("Rails are asynchronous: use ainvoke or astream.")

    async def check(turn: Turn) -> Turn:
        if not turn.passages:
            return turn
        decisions = await turn.pinned_rails.check_passages(
            [passage.text for passage in turn.passages], strictness=turn.strictness
        )
        kept = tuple(
            _as_decided(passage, decision)
            for passage, decision in zip(turn.passages, decisions, strict=True)
            if not decision.blocked
        )
        return replace(turn, passages=kept, screened=decisions)

    return RunnableLambda(unchecked, afunc=check, name="screen")


def _as_decided(passage: Passage, decision: Decision) -> Passage:
    if decision.outcome is Outcome.MODIFY and decision.text is not None:
        return replace(passage, text=decision.text)
    return passage
