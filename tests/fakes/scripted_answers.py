"""What the scripted Qwen reads in a request, and the answers it computes instead of reciting."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from tests.fakes.scripted_reply import Reply, Violation, tokens_of
from tests.fakes.scripted_wire import Incoming


@dataclass(frozen=True, slots=True)
class Received:
    """A chat request as it arrived."""

    path: str
    headers: dict[str, str] = field(repr=False)
    """Names in lower case."""
    body: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, request: Incoming) -> Self:
        """Read a request."""
        return cls(request.path, request.headers, orjson.loads(request.body))

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, oldest first."""
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages

    @property
    def last_user(self) -> str:
        """Text of the last user message."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return _text(message.get("content"))
        return ""

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        """Whether the stream is to end with token counts."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def thinking(self) -> bool:
        """Whether no known switch turns thinking off."""
        template = self.body.get("chat_template_kwargs") or {}
        off = (
            self.body.get("enable_thinking") is False
            or template.get("enable_thinking") is False
            or self.body.get("think") is False
            or self.body.get("reasoning_effort") == "none"
        )
        texts = [_text(message.get("content")) for message in self.messages]
        return not off and not any("/no_think" in text for text in texts)

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema the answer must follow, if there is one."""
        asked = self.body.get("response_format") or {}
        if asked.get("type") != "json_schema":
            return None
        schema: dict[str, Any] = asked.get("json_schema", {}).get("schema", {})
        return schema

    @property
    def is_judged(self) -> bool:
        """Whether a verdict is asked for and not an answer."""
        name = self.model.casefold()
        return "guard" in name or "judge" in name or self.schema is not None


def verdict(received: Received, violations: Sequence[Violation]) -> str:
    """Judge the last user message."""
    text = received.last_user.casefold()
    found = [violation for violation in violations if violation.match.casefold() in text]
    if "guard" in received.model.casefold():
        if not found:
            return "Safety: Safe\nCategories: None"
        categories = ", ".join(dict.fromkeys(violation.category for violation in found))
        return f"Safety: {found[0].safety}\nCategories: {categories}"
    principles = list(dict.fromkeys(violation.principle for violation in found))
    return orjson.dumps(_fill(received.schema, principles)).decode()


def _fill(schema: dict[str, Any] | None, principles: list[str]) -> dict[str, object]:
    """An object of the schema's shape: the ids in its first array, and neutral values."""
    properties: dict[str, Any] = (schema or {}).get("properties") or {"violated": {"type": "array"}}
    filled: dict[str, object] = {}
    placed = False
    for name, kind in properties.items():
        match kind.get("type"):
            case "array":
                filled[name] = [] if placed else _items(kind.get("items") or {}, principles)
                placed = True
            case "boolean":
                filled[name] = bool(principles)
            case "number" | "integer":
                filled[name] = 1 if principles else 0
            case _:
                filled[name] = kind["enum"][0] if kind.get("enum") else ""
    return filled


def _items(items: dict[str, Any], principles: list[str]) -> list[object]:
    """Principle ids as the schema wants them: strings, or objects with an id."""
    if items.get("type") != "object":
        return list(principles)
    return [
        {
            name: 1 if kind.get("type") in ("number", "integer") else principle
            for name, kind in items.get("properties", {}).items()
        }
        for principle in principles
    ]


def usage_of(received: Received, reply: Reply) -> dict[str, int]:
    """Count tokens the scripted way: the pieces a text is sent in."""
    prompt = sum(len(tokens_of(_text(one.get("content")))) for one in received.messages)
    said = reply.text + (reply.reasoning if received.thinking else "")
    completion = len(tokens_of(said))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def embedding(text: str, size: int) -> list[float]:
    """A unit vector that depends on the text alone."""
    values = [value - 127.5 for value in _bytes_of(text, size)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def _bytes_of(text: str, size: int) -> Iterator[int]:
    return iter(hashlib.shake_256(text.encode()).digest(size))


def _text(content: object) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""
