"""Token counts as LangChain holds them, reported or estimated."""

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from chains.tokens import estimate_tokens


def reported_usage(usage: Mapping[str, Any]) -> UsageMetadata:
    """Read the ``usage`` object of a chat completion."""
    prompt = _count(usage, "prompt_tokens")
    completion = _count(usage, "completion_tokens")
    of_prompt = usage.get("prompt_tokens_details") or {}
    of_completion = usage.get("completion_tokens_details") or {}
    metadata = UsageMetadata(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=_count(usage, "total_tokens") or prompt + completion,
        input_token_details=InputTokenDetails(),
        output_token_details=OutputTokenDetails(),
    )
    if cached := _count(of_prompt, "cached_tokens"):
        metadata["input_token_details"]["cache_read"] = cached
    if reasoning := _count(of_completion, "reasoning_tokens"):
        metadata["output_token_details"]["reasoning"] = reasoning
    return metadata


def estimated_usage(
    messages: Iterable[Mapping[str, Any]], texts: Iterable[str], *, at_least: int
) -> UsageMetadata:
    """Estimate what a server did not count.

    Args:
        messages: The request's messages.
        texts: What was read of the answer.
        at_least: Events with text: each held one token or more.
    """
    prompt = sum(estimate_tokens(str(message.get("content") or "")) for message in messages)
    completion = max(at_least, sum(estimate_tokens(text) for text in texts))
    return UsageMetadata(
        input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion
    )


def _count(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) else 0
