"""Windows as LangChain's chunks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from chains.qwen.assembly import Assembly, Window
from chains.qwen.usage import estimated_usage, reported_usage


def window_chunk(window: Window) -> ChatGenerationChunk:
    """A chunk of text or of reasoning."""
    extra = {"reasoning_content": window.reasoning} if window.reasoning else {}
    return ChatGenerationChunk(
        message=AIMessageChunk(content=window.content, additional_kwargs=extra)
    )


def last_chunk(
    assembly: Assembly,
    messages: Iterable[Mapping[str, Any]],
    texts: Sequence[str],
    *,
    model: str,
) -> ChatGenerationChunk:
    """The chunk that ends an answer: why it ended, and what it used.

    Args:
        assembly: The answer, read to its end.
        messages: What was asked, to estimate tokens where the server counted none.
        texts: What was handed out, for the same.
        model: The model asked for, named where the server names none.
    """
    # Merged with what stock clients say of the protocol, not of the maker.
    metadata: dict[str, Any] = {"model_provider": "openai"}
    if assembly.usage is not None:
        usage = reported_usage(assembly.usage)
    else:
        usage = estimated_usage(messages, texts, at_least=assembly.deltas)
        metadata["usage_estimated"] = True
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content="", usage_metadata=usage, response_metadata=metadata, chunk_position="last"
        ),
        generation_info={
            "finish_reason": assembly.finish_reason or "stop",
            "model_name": assembly.model or model,
        },
    )
