"""What one event of an OpenAI chat stream says."""

from dataclasses import dataclass, field
from typing import Any

import orjson

DONE = b"[DONE]"


class MalformedEventError(ValueError):
    """An event that is no chat completion chunk. Holds nothing of its text."""


class ReportedError(Exception):
    """The server told of an error inside the stream.

    Args:
        status: The HTTP status it named, if it named one.
    """

    def __init__(self, status: int | None) -> None:
        super().__init__("The server reported an error in its stream.")
        self.status = status


@dataclass(frozen=True, slots=True)
class Delta:
    """One event, or a whole answer where a server does not stream."""

    content: str = field(default="", repr=False)
    reasoning: str = field(default="", repr=False)
    finish_reason: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None
    raw: dict[str, Any] | None = field(default=None, repr=False)
    """The event itself, where it holds tool calls."""


def parse_delta(data: bytes) -> Delta:
    """Read the data of one event.

    Raises:
        MalformedEventError: It is no JSON object of the expected shape.
        ReportedError: It is an error object.
    """
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        # `from None`: the decoder's error quotes the document.
        raise MalformedEventError("An event is no JSON.") from None
    if not isinstance(event, dict):
        raise MalformedEventError("An event is no JSON object.")
    choices = event.get("choices")
    if not choices:
        return _without_choices(event)
    try:
        choice = choices[0]
        said = choice.get("delta") or choice.get("message") or {}
        content = said.get("content")
        reasoning = said.get("reasoning_content") or said.get("reasoning")
        return Delta(
            content=content if isinstance(content, str) else _text(content),
            reasoning=_text(reasoning) if reasoning else "",
            finish_reason=choice.get("finish_reason"),
            model=event.get("model"),
            usage=event.get("usage"),
            raw=event if said.get("tool_calls") or said.get("function_call") else None,
        )
    except (AttributeError, TypeError, KeyError, IndexError):
        raise MalformedEventError("An event has no shape of a chat completion.") from None


def _without_choices(event: dict[str, Any]) -> Delta:
    error = event.get("error")
    if error or ("choices" not in event and "code" in event and "message" in event):
        raise ReportedError(_status(error if isinstance(error, dict) else event))
    usage = event.get("usage")
    return Delta(model=event.get("model"), usage=usage if isinstance(usage, dict) else None)


def _text(value: object) -> str:
    """Text, or the texts of a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return ""


def _status(error: dict[str, Any]) -> int | None:
    for name in ("status", "code", "http_status"):
        try:
            status = int(error[name])
        except (KeyError, TypeError, ValueError):
            continue
        if 400 <= status < 600:  # noqa: PLR2004 - the HTTP error statuses
            return status
    return None
