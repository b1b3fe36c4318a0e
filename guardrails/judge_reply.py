"""Reading a judge's reply, strictly: what is not exactly a verdict is a fault, never a pass."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from guardrails.principles import Qwen3GuardCategory

_THOUGHT: Final = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCED: Final = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_SAFETY: Final = re.compile(r"^\s*Safety:\s*(\w+)\s*$", re.MULTILINE)
_CATEGORIES: Final = re.compile(r"^\s*Categories:\s*(.+?)\s*$", re.MULTILINE)
_KNOWN_CATEGORIES: Final = frozenset(get_args(Qwen3GuardCategory))
_LEVELS: Final = ("Safe", "Unsafe", "Controversial")


class UnreadableReplyError(ValueError):
    """The reply is no verdict. Says what is wrong with its form and never quotes it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A principle the judge says is violated."""

    principle: str | None
    """None where the judge named a category that means no principle."""
    confidence: float
    """0 to 1."""
    rule: str
    """What the judge named: a principle's id or a category."""
    controversial: bool = False
    """Qwen3Guard's middle level: harmful or not depending on the context."""


def without_thought(text: str) -> str:
    """Drop a thinking block at the start.

    Raises:
        UnreadableReplyError: The block never ends, so no verdict follows it.
    """
    text = _THOUGHT.sub("", text, count=1).strip()
    if "<think>" in text:
        raise UnreadableReplyError("thinking without an end")
    # Chat templates that open the block themselves leave its end only.
    return text.rpartition("</think>")[2].strip()


def read_constitution_reply(text: str, known: Collection[str]) -> tuple[Violation, ...]:
    """Read ``{"violations": [{"id", "confidence"}], "reason"}``.

    Args:
        text: The reply.
        known: Ids of the principles the judge was asked about.

    Raises:
        UnreadableReplyError: It is anything else: empty, prose, broken JSON, an unknown id, a
            confidence that is none.
    """
    text = without_thought(text)
    if fenced := _FENCED.match(text):
        text = fenced.group(1)
    try:
        reply = json.loads(text, object_pairs_hook=_without_repeats)
    except (json.JSONDecodeError, RecursionError):
        raise UnreadableReplyError("no JSON object" if text else "empty") from None
    if not isinstance(reply, dict) or not isinstance(reply.get("violations"), list):
        raise UnreadableReplyError("no list of violations")
    return tuple(_violation(item, known) for item in reply["violations"])


def read_qwen3guard_reply(text: str, meaning: Mapping[str, str]) -> tuple[Violation, ...]:
    """Read Qwen3Guard's ``Safety:`` and ``Categories:`` lines.

    Args:
        text: The reply.
        meaning: Principle ids by category (`maps_to.qwen3guard`).

    Raises:
        UnreadableReplyError: It has not exactly one level, or names no or unknown categories for
            a text that is not safe.
    """
    text = without_thought(text)
    levels = _SAFETY.findall(text)
    if len(levels) != 1 or levels[0] not in _LEVELS:
        raise UnreadableReplyError("no single Safety line" if text else "empty")
    lines = _CATEGORIES.findall(text)
    if len(lines) > 1:
        raise UnreadableReplyError("several Categories lines")
    named = [name.strip() for name in lines[0].split(",")] if lines else []
    categories = [name for name in named if name != "None"]
    if levels[0] == "Safe":
        if categories:
            raise UnreadableReplyError("safe, and yet a category")
        return ()
    if not categories or set(categories) - _KNOWN_CATEGORIES:
        raise UnreadableReplyError("unsafe without a known category")
    controversial = levels[0] == "Controversial"
    return tuple(
        Violation(
            principle=meaning.get(category),
            confidence=0.5 if controversial else 1.0,
            rule=category,
            controversial=controversial,
        )
        for category in categories
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: the second would silently replace the first."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise UnreadableReplyError("a key stands twice")
    return result


def _violation(item: object, known: Collection[str]) -> Violation:
    if not isinstance(item, dict):
        raise UnreadableReplyError("a violation that is no object")
    principle, confidence = item.get("id"), item.get("confidence")
    if not isinstance(principle, str) or principle not in known:
        raise UnreadableReplyError("an unknown principle")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise UnreadableReplyError("a confidence that is no number")
    if not 0.0 <= confidence <= 1.0:
        raise UnreadableReplyError("a confidence outside 0 to 1")
    return Violation(principle, float(confidence), principle)
