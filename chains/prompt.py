"""The prompt: the constitution's system text, the passages as data, the history that fits."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from langchain_core.runnables import Runnable, RunnableLambda

from chains.tokens import estimate_tokens
from chains.turn import Exchange, Passage, Turn
from guardrails.dialogue import Message, Role


def prompt(*, history_tokens: int, passage_tokens: int, canary: str) -> Runnable[Turn, Turn]:
    """Build the stage that writes the messages a model reads.

    Args:
        history_tokens: Budget of earlier exchanges, in estimated tokens; the newest win.
        passage_tokens: Budget of all passages, in estimated tokens; the best ranked win.
        canary: A secret word in the system text; an answer that holds it leaks the prompt.
    """

    def write(turn: Turn) -> Turn:
        passages = _within_budget(turn.passages, passage_tokens)
        # What strangers wrote (passages) comes as user text right before the question: it must not
        # speak with the system's authority, and servers keep the history before it cached.
        system, *data = turn.pinned_rails.policy.render(
            "system",
            canary=canary,
            language=turn.language,
            today=datetime.now(UTC).date().isoformat(),
            nonce=secrets.token_hex(4),
            passages=tuple(enumerate(passages, start=1)),
        )
        context = (
            (Message(Role.USER, f"[About where I am asking from]\n{turn.context}"),)
            if turn.context
            else ()
        )
        return replace(
            turn,
            passages=passages,
            prompt=(
                system,
                *turn.preamble,
                *_recent(turn.history, history_tokens),
                *data,
                *context,
                Message(Role.USER, turn.question),
            ),
        )

    async def awrite(turn: Turn) -> Turn:
        return write(turn)

    return RunnableLambda(write, afunc=awrite, name="prompt")


def _recent(history: tuple[Exchange, ...], budget: int) -> tuple[Message, ...]:
    """The newest exchanges that fit `budget` tokens, oldest first."""
    kept: list[Message] = []
    for exchange in reversed(history):
        if not exchange.answer:
            continue  # a stopped exchange teaches the model nothing it may repeat
        budget -= estimate_tokens(exchange.question) + estimate_tokens(exchange.answer)
        if budget < 0:
            break
        kept.append(Message(Role.ASSISTANT, exchange.answer))
        kept.append(Message(Role.USER, exchange.question))
    return tuple(reversed(kept))


def _within_budget(passages: tuple[Passage, ...], budget: int) -> tuple[Passage, ...]:
    kept: list[Passage] = []
    for passage in passages:
        budget -= estimate_tokens(passage.text)
        if budget < 0 and kept:
            break
        kept.append(passage)
    return tuple(kept)
