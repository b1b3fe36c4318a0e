from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from typing_extensions import override

from chains.model import as_langchain, generate
from chains.streams import closing
from chains.turn import Answering, Completed, Piece, Reasoning, Rung, Text, Turn, Usage
from chains.usage import Price, PriceTable
from guardrails.dialogue import Message, Role


class ScriptedModel(BaseChatModel):
    """Streams `chunks`; notes what it was asked and whether it was closed."""

    chunks: list[AIMessageChunk]
    asked: list[dict[str, Any]] = []
    closed: list[bool] = []

    @property
    @override
    def _llm_type(self) -> str:
        return "scripted"

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(kwargs)
        try:
            for chunk in self.chunks:
                yield ChatGenerationChunk(message=chunk)
        finally:
            self.closed.append(True)


PRICES = PriceTable(prices={"qwen": Price(prompt=Decimal(1), completion=Decimal(2))})
END = AIMessageChunk(
    content="",
    usage_metadata=UsageMetadata(input_tokens=100, output_tokens=50, total_tokens=150),
    response_metadata={"finish_reason": "stop"},
)


async def collect(model: ScriptedModel, turn: Turn) -> list[Piece]:
    stage = generate(model, name="qwen", prices=PRICES)
    return [piece async for piece in stage.astream(turn)]


async def test_separates_reasoning_from_the_answer(turn: Turn) -> None:
    """Reasoning and text become pieces of their own kind, and the end is priced."""
    model = ScriptedModel(
        chunks=[
            AIMessageChunk(content="", additional_kwargs={"reasoning_content": "Hm."}),
            AIMessageChunk(content="Yes."),
            END,
        ]
    )

    assert [
        Answering(Rung.PRIMARY, "qwen"),
        Reasoning("Hm."),
        Text("Yes."),
        Completed("stop", Usage(100, 50, 0.0002)),
    ] == await collect(model, turn)


async def test_a_cut_answer_says_so(turn: Turn) -> None:
    """An answer that hit its length limit completes with `length`."""
    cut = AIMessageChunk(content="Ye", response_metadata={"finish_reason": "length"})

    pieces = await collect(ScriptedModel(chunks=[cut]), turn)

    assert Completed("length", Usage()) == pieces[-1]


@pytest.mark.parametrize("thinking", [True, False])
async def test_passes_on_whether_to_think(turn: Turn, *, thinking: bool) -> None:
    """The turn's thinking switch reaches the model."""
    model = ScriptedModel(chunks=[END], asked=[])

    await collect(model, replace(turn, thinking=thinking))

    assert thinking == model.asked[0]["thinking"]


async def test_closing_the_stage_closes_the_model(turn: Turn) -> None:
    """A reader that leaves after one piece stops the model's stream."""
    model = ScriptedModel(chunks=[AIMessageChunk(content="word ")] * 100, closed=[])

    async with closing(generate(model, name="qwen", prices=PRICES).astream(turn)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Text):
                break

    assert model.closed == [True]


def test_converts_every_role() -> None:
    """System, assistant and user keep their kind; tool text is read as user text."""
    converted = as_langchain(tuple(Message(role, role.value) for role in Role))

    assert [SystemMessage, HumanMessage, AIMessage, HumanMessage] == [type(m) for m in converted]
