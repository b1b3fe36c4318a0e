"""The stage that asks a model, and turns its chunks into pieces of an answer."""

from collections.abc import AsyncIterator, Iterator

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.runnables import Runnable, RunnableGenerator

from chains.streams import closing
from chains.turn import Answering, Completed, Piece, Reasoning, Rung, Text, Turn, Usage
from chains.usage import PriceTable
from guardrails.dialogue import Message, Role


def generate(
    model: BaseChatModel, *, name: str, prices: PriceTable, rung: Rung = Rung.PRIMARY
) -> Runnable[Turn, Piece]:
    """Build the stage that streams a model's answer to `turn.prompt`.

    Args:
        model: A chat model whose chunks are windows (`chains.qwen.chat.ChatQwen`).
        name: The model as metadata and the price table name it.
        prices: What its tokens cost.
        rung: The rung of the fallback ladder it stands on.

    Raises:
        ModelUnavailableError: When streaming, before the first piece.
        ModelInterruptedError: When streaming, after it.
    """

    async def pieces(turns: AsyncIterator[Turn]) -> AsyncIterator[Piece]:
        async for turn in turns:
            completed = Completed("stop", Usage())
            yield Answering(rung, name)
            # Closing the stream closes the connection: the model stops when the reader does.
            stream = model.astream(as_langchain(turn.prompt), thinking=turn.thinking)
            async with closing(stream) as chunks:
                async for chunk in chunks:
                    for piece in _words(chunk):
                        yield piece
                    completed = _updated(completed, chunk, name=name, prices=prices)
            yield completed

    return RunnableGenerator(pieces, name="generate")


def as_langchain(messages: tuple[Message, ...]) -> list[BaseMessage]:
    """Convert to LangChain's classes. Tool text becomes user text: nothing here calls tools."""
    kinds: dict[Role, type[BaseMessage]] = {
        Role.SYSTEM: SystemMessage,
        Role.ASSISTANT: AIMessage,
        Role.USER: HumanMessage,
        Role.TOOL: HumanMessage,
    }
    return [kinds[message.role](content=message.text) for message in messages]


def _words(chunk: AIMessageChunk) -> Iterator[Reasoning | Text]:
    if reasoning := chunk.additional_kwargs.get("reasoning_content"):
        yield Reasoning(reasoning)
    if chunk.content:
        yield Text(str(chunk.content))


def _updated(
    completed: Completed, chunk: AIMessageChunk, *, name: str, prices: PriceTable
) -> Completed:
    finish, usage = completed.finish_reason, completed.usage
    if chunk.response_metadata.get("finish_reason") == "length":
        finish = "length"
    if chunk.usage_metadata:
        usage = prices.price(
            name,
            prompt_tokens=chunk.usage_metadata["input_tokens"],
            completion_tokens=chunk.usage_metadata["output_tokens"],
        )
    return Completed(finish, usage)
