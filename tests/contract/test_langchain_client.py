"""LangChain's OpenAI client, as anybody would install it, chats with the guarded bot unchanged."""

from collections.abc import AsyncIterator

import openai
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.fakes.api_service import ApiService, Client
from tests.fakes.scripted_chat import ScriptedBackend, blocked


@pytest.fixture
async def client(service: ApiService, person: Client) -> AsyncIterator[ChatOpenAI]:
    # Its connections are shared and cached by address; ours are closed at the end.
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key=person.token) as http:
        yield ChatOpenAI(
            model_name="covenant",
            openai_api_base=f"{service.url}/v1",
            openai_api_key=SecretStr(person.token),
            max_retries=0,
            async_client=http.chat.completions,
        )


async def streamed(client: ChatOpenAI) -> AIMessageChunk:
    """All chunks of an answer, added up."""
    whole: AIMessageChunk | None = None
    async for chunk in client.astream("Is it so?"):
        assert isinstance(chunk, AIMessageChunk)
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole


async def test_it_is_answered(client: ChatOpenAI, backend: ScriptedBackend) -> None:
    """A conversation is answered with text, reason and tokens."""
    answer = await client.ainvoke([SystemMessage("Be short."), HumanMessage("Is it so?")])

    assert answer.content == "Yes, it is so."
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 19
    assert [message.text for message in backend.chat.turns[-1].preamble] == ["Be short."]


async def test_it_streams(client: ChatOpenAI) -> None:
    """Chunks add up to the same answer."""
    answer = await streamed(client)

    assert answer.content == "Yes, it is so."
    assert answer.response_metadata["finish_reason"] == "stop"


async def test_a_block_reaches_it(client: ChatOpenAI, backend: ScriptedBackend) -> None:
    """What a principle stops is an answer with the server's words and `content_filter`."""
    backend.chat.script = blocked()

    for answer in (await client.ainvoke("Bad?"), await streamed(client)):
        assert answer.content == "I cannot help with that."
        assert answer.response_metadata["finish_reason"] == "content_filter"


async def test_tools_are_refused_in_words(client: ChatOpenAI) -> None:
    """What the bot does not do is a client error that names the field."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}

    with pytest.raises(openai.BadRequestError, match=r"not valid"):
        await client.bind(tools=[tool]).ainvoke("Use it")
