"""The first stage: a clean question, its language, and the policy it is judged by."""

import re
import unicodedata
from dataclasses import replace

from langchain_core.runnables import Runnable, RunnableLambda

from chains.errors import BadRequestError
from chains.protocols import RailsSource
from chains.turn import Language, Turn
from guardrails.dialogue import spoken_language

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def prepare(rails: RailsSource, *, max_chars: int) -> Runnable[Turn, Turn]:
    """Build the stage that normalises a turn and pins the rails in force.

    Args:
        rails: Where the active rails come from.
        max_chars: Longest question, in characters.

    Raises:
        BadRequestError: When invoked with an empty or over-long question.
    """

    def clean(turn: Turn) -> Turn:
        question = _CONTROL.sub("", unicodedata.normalize("NFC", turn.question)).strip()
        if not question:
            raise BadRequestError(
                "The message is empty.", fields=(("message", "must not be empty"),)
            )
        if len(question) > max_chars:
            raise BadRequestError(
                f"The message is longer than {max_chars} characters.",
                fields=(("message", f"must be at most {max_chars} characters"),),
                too_large=True,
            )
        return replace(
            turn,
            question=question,
            language=language_of(question, default=turn.language),
            rails=rails.current,
        )

    async def aclean(turn: Turn) -> Turn:
        return clean(turn)

    return RunnableLambda(clean, afunc=aclean, name="prepare")


def language_of(text: str, *, default: Language) -> Language:
    """Tell whether templates should speak Chinese or English to the writer of `text`.

    Args:
        text: What the person wrote.
        default: The answer where the text has no letters at all.
    """
    return spoken_language(text) if any(map(str.isalpha, text)) else default
