"""Constitutional AI proper: critique an answer against a principle, and write it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from guardrails.judge import Judge, JudgeError
from guardrails.principles import Language, Principle


@dataclass(frozen=True, slots=True)
class Revision:
    """What came of a revision."""

    text: str | None
    """The new answer; None where the critique found nothing to change."""
    tokens: int


class RevisionError(Exception):
    """No revision could be had. Never holds a text."""


class Reviser:
    """Has answers critiqued and rewritten by a model.

    Args:
        writer: The model that writes; never a guard model.
        deadline: Longest wait for each of the two steps.
    """

    def __init__(self, writer: Judge, deadline: timedelta) -> None:
        self._writer = writer
        self._deadline = deadline

    async def revise(
        self,
        principle: Principle,
        *,
        user_input: str,
        bot_response: str,
        passages: Sequence[object],
        language: Language,
    ) -> Revision:
        """Critique an answer and rewrite it.

        The result is unchecked: it has to pass the rails like every answer.

        Raises:
            RevisionError: The model gave no critique or no revision in time.
        """
        about = {
            "principle": principle,
            "user_input": user_input,
            "bot_response": bot_response,
            "passages": tuple(enumerate(passages, start=1)),
            "language": language,
        }
        try:
            critique, spent = await self._writer.write(
                "constitution_critique", deadline=self._deadline, **about
            )
            if critique.strip(" .。\"'").upper() == "NONE":
                return Revision(None, spent)
            text, more = await self._writer.write(
                "constitution_revision", deadline=self._deadline, critique=critique, **about
            )
        except JudgeError as error:
            raise RevisionError(error.fault) from None
        return Revision(text, spent + more)
