"""Texts that are kept but not answered pass the rails too."""

from api.backend import TextRails
from chains.errors import ConstitutionalViolationError, ServiceUnavailableError
from guardrails.dialogue import Message, Role
from guardrails.verdict import Edit, Layer, Outcome

_MASK = "[…]"


async def admitted(text: str, rails: TextRails) -> str:
    """Return the text to keep: as it is, or as the rails changed it.

    Raises:
        ConstitutionalViolationError: A principle stops it.
        ServiceUnavailableError: The rails could not decide, and so nothing is kept.
    """
    decision = await rails.check_input((Message(Role.USER, text),))
    if decision.blocked and (decision.failed or decision.principle is None):
        raise ServiceUnavailableError("This text could not be checked. Please try again.")
    if decision.blocked and decision.principle is not None:
        raise ConstitutionalViolationError(
            "A principle does not allow this text to be kept. Please write it differently.",
            principle_id=decision.principle,
            decision_id=decision.id,
        )
    return text if decision.text is None else decision.text


async def masked(text: str, rails: TextRails) -> str:
    """Return the text with personal data masked, even where a principle would stop it.

    What a person appeals was stopped, so a block does not refuse it here.

    Raises:
        ServiceUnavailableError: The rails could not decide, and so nothing is kept.
    """
    decision = await rails.check_input((Message(Role.USER, text),))
    if decision.failed:
        raise ServiceUnavailableError("This text could not be checked. Please try again.")
    if decision.outcome is Outcome.MODIFY and decision.text is not None:
        return decision.text
    edits = [
        edit
        for verdict in decision.verdicts
        if verdict.layer is Layer.RULES
        for edit in verdict.edits
    ]
    return _applied(text, edits)


def _applied(text: str, edits: list[Edit]) -> str:
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start >= done:
            parts += [text[done : edit.start], edit.replacement or _MASK]
        # Where two overlap, what the second adds is dropped with the first.
        done = max(done, edit.end)
    return "".join([*parts, text[done:]])
