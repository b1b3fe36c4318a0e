from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from chains.qwen.chat import ChatQwen
from chains.qwen.endpoint import Endpoint
from chains.qwen.settings import Deadlines, ModelSettings
from tests.fakes.scripted_qwen import ScriptedQwen

# For tests of what happens when they pass; others keep the defaults, for busy machines' sake.
SHORT = Deadlines(
    connect=timedelta(seconds=1),
    first_token=timedelta(milliseconds=300),
    first_token_local=timedelta(milliseconds=300),
    stall=timedelta(milliseconds=300),
    total=timedelta(seconds=3),
)

MakeChat = Callable[..., ChatQwen]


@pytest.fixture
async def qwen() -> AsyncIterator[ScriptedQwen]:
    """A scripted model server."""
    async with ScriptedQwen() as server:
        yield server


@pytest.fixture
async def chat(qwen: ScriptedQwen) -> AsyncIterator[MakeChat]:
    """Makes chat models of the scripted server."""
    made: list[ChatQwen] = []

    def make(
        endpoint: Endpoint | None = None, *, stride: int = 200, **settings: object
    ) -> ChatQwen:
        model = ChatQwen.at(
            endpoint or Endpoint(qwen.base_url, "qwen-scripted"),
            ModelSettings.model_validate(settings),
            stride=stride,
        )
        made.append(model)
        return model

    yield make
    for model in made:
        await model.aclose()
