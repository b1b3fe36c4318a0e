"""The body of a chat request, in the dialect of the server it goes to."""

from collections.abc import Mapping
from typing import Any

from langchain_core.utils.function_calling import convert_to_json_schema

from chains.qwen.thinking import ThinkingStyle, thinking_fields

OPTIONAL_FIELDS = (
    "enable_thinking",
    "chat_template_kwargs",
    "reasoning_effort",
    "stream_options",
)
"""Fields that some servers refuse; an answer without them is better than none."""

_FOR_THE_SDK = ("extra_headers", "extra_query", "stream_usage", "timeout")


def chat_request(
    payload: Mapping[str, Any], *, style: ThinkingStyle, thinking: bool
) -> dict[str, Any]:
    """Turn what LangChain would give OpenAI's client into what travels.

    Args:
        payload: LangChain's parameters.
        style: How the server is told whether to think.
        thinking: Whether to think.
    """
    request = {name: value for name, value in payload.items() if name not in _FOR_THE_SDK}
    # Most servers of Qwen know the older name alone.
    if (most := request.pop("max_completion_tokens", None)) is not None:
        request["max_tokens"] = most
    schema = request.get("response_format")
    if isinstance(schema, type):
        request["response_format"] = _json_schema(schema)
    request |= thinking_fields(style, thinking=thinking)
    request |= request.pop("extra_body", None) or {}
    if style is ThinkingStyle.PROMPT and not thinking:
        request["messages"] = _without_thinking(request["messages"])
    return request | {"stream": True, "stream_options": {"include_usage": True}}


def _json_schema(schema: type) -> dict[str, Any]:
    """What OpenAI's client makes of the class an answer is to be read into."""
    described = convert_to_json_schema(schema)
    return {
        "type": "json_schema",
        "json_schema": {"name": described["title"], "schema": described, "strict": True},
    }


def _without_thinking(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add Qwen3's soft switch to the last message of the person."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message["role"] == "user" and isinstance(message["content"], str):
            said = message | {"content": f"{message['content']} /no_think"}
            return [*messages[:index], said, *messages[index + 1 :]]
    return messages
