"""Questions out of headings, by templates in the person's language."""

import re
from typing import Final

from chains.turn import Language
from guardrails.dialogue import spoken_language
from guardrails.sentences import sentences

_SHORTEST: Final = 4
_SHORTEST_CHINESE: Final = 2
_LONGEST: Final = 90
_LONGEST_PART: Final = 160

_CLAUSE: Final = re.compile(
    r"(?:in |to |from |by |for )?(?:how|what|why|where|which|who)\b", re.IGNORECASE
)
_CONDITION: Final = re.compile(r"(?:when|if)\b", re.IGNORECASE)
# A word that may be a noun begins an order only where an object follows.
_ORDER: Final = re.compile(
    r"(?:add|ask|build|change|check|choose|compare|connect|create|delete|edit|export|find|fix|get"
    r"|give|import|install|keep|make|move|open|publish|read|remove|repeat|replace|report|reset|run"
    r"|search|see|send|set|share|show|start|stop|test|try|turn|update|use|write)"
    r" (?:a|an|another|all|my|new|our|the|your)\b",
    re.IGNORECASE,
)
_CHINESE_QUESTION: Final = re.compile(
    r"如何|怎么|怎样|什么|为什么|为何|是否|哪|谁|多少|多久|吗$|几"
)
_YOUR: Final = re.compile(r"\byour\b", re.IGNORECASE)


def is_askable(heading: str) -> bool:
    """Whether a heading is one line of words, long enough to mean something."""
    letters = sum(character.isalpha() for character in heading)
    shortest = _SHORTEST if heading.isascii() else _SHORTEST_CHINESE
    return shortest <= letters and len(heading) <= _LONGEST and heading.isprintable()


def question_about(heading: str, language: Language) -> str:
    """Ask for what stands under a heading.

    Args:
        heading: As the document has it, in any language.
        language: The person's; a heading in another one is quoted, not translated.
    """
    heading = heading.strip().rstrip(".:。：")  # noqa: RUF001 - Chinese stops
    if spoken_language(heading) == language:
        first = sentences(heading)[0]
        if first[-1] in "?？":  # noqa: RUF001 - the Chinese mark
            return first
        asked = _chinese(heading) if language == "zh" else _english(heading)
        if asked is not None:
            return asked
    # These words mean nothing to the search, so that the heading finds its passage, and leave the
    # rails in no doubt: other ways to put it were withheld more often.
    if language == "zh":
        return f"“{heading}”是怎样的？"  # noqa: RUF001 - Chinese punctuation
    return f"What should I know about “{heading}”?"


def parts_of(question: str) -> tuple[str, ...]:
    """The questions in a message that asks several, each short enough to be asked again."""
    found = [part for part in sentences(question) if part[-1] in "?？"]  # noqa: RUF001 - Chinese
    return tuple(part for part in found if len(part) <= _LONGEST_PART) if len(found) > 1 else ()


def _english(heading: str) -> str | None:
    if _ORDER.match(heading):
        return f"How do I {_mine(_lowered(heading))}?"
    if _CONDITION.match(heading):
        return f"What happens {_mine(_lowered(heading))}?"
    if _CLAUSE.match(heading):
        return f"Can you explain {_mine(_lowered(heading))}?"
    return None


def _chinese(heading: str) -> str | None:
    return f"{heading}？" if _CHINESE_QUESTION.search(heading) else None  # noqa: RUF001 - Chinese


def _lowered(heading: str) -> str:
    return heading[0].lower() + heading[1:]


def _mine(text: str) -> str:
    return _YOUR.sub("my", text)
