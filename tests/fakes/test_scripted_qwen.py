import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk

from tests.fakes.scripted_qwen import DEFAULT_TEXT, Fault, Reply, Script, ScriptedQwen


@pytest.fixture
async def qwen() -> AsyncIterator[ScriptedQwen]:
    """A server with the default script."""
    async with ScriptedQwen() as server:
        yield server


@pytest.fixture
async def client(qwen: ScriptedQwen) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's own client: what it understands is the protocol."""
    async with AsyncOpenAI(
        base_url=qwen.base_url, api_key="none", max_retries=0, timeout=5
    ) as opened:
        yield opened


async def stream(
    client: AsyncOpenAI, text: str, *, model: str = "qwen"
) -> list[ChatCompletionChunk]:
    """Everything the server streams to one message."""
    answer = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": text}],
        stream=True,
        stream_options={"include_usage": True},
    )
    return [chunk async for chunk in answer]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    """The answer's text."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_the_first_rule_that_applies_answers(qwen: ScriptedQwen, client: AsyncOpenAI) -> None:
    """Rules match the last user message, in order, as often as `times` says."""
    qwen.when("weather", "Rain.", times=1)
    qwen.when("weather", "Sun.")

    answers = [text_of(await stream(client, text)) for text in ("The WEATHER?", "weather?", "hi")]

    assert answers == ["Rain.", "Sun.", DEFAULT_TEXT]
    assert [one.last_user for one in qwen.received] == ["The WEATHER?", "weather?", "hi"]


async def test_usage_and_finish_reason_end_the_stream(
    qwen: ScriptedQwen, client: AsyncOpenAI
) -> None:
    """The last choice bears the finish_reason, the chunk after it the counts."""
    qwen.otherwise(Reply(text="one two three", finish_reason="length"))

    chunks = await stream(client, "count to three")

    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (3, 3)


async def test_pace_is_kept(qwen: ScriptedQwen, client: AsyncOpenAI) -> None:
    """Ten tokens at 100 a second, after 50 ms, take about 150 ms."""
    qwen.otherwise(Reply(text=" word" * 10, ttft=timedelta(milliseconds=50), tokens_per_second=100))
    clock = asyncio.get_running_loop()
    started = clock.time()

    await stream(client, "go")

    assert 0.14 <= clock.time() - started < 0.6


@pytest.mark.parametrize(
    "fault", [Fault.BYTES, Fault.HALF_LINE, Fault.SPLIT, Fault.NO_DONE, Fault.HUGE, Fault.EMPTY]
)
async def test_faults_that_spoil_the_form_keep_the_text(
    qwen: ScriptedQwen, client: AsyncOpenAI, fault: Fault
) -> None:
    """A client that reads bytes as it should gets the text it was meant to get."""
    text = "Grüße, 你好 世界, ça va?"
    qwen.otherwise(Reply(text=text, fault=fault, after=1, size=9, gap=timedelta()))
    expected = {Fault.EMPTY: "", Fault.HUGE: "Grüße,xxxxxxxxx 世界, ça va?"}

    assert expected.get(fault, text) == text_of(await stream(client, "hi"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET, Exception),
        (Fault.CUT, Exception),
        (Fault.DISCONNECT, openai.APIConnectionError),
        (Fault.ERROR, openai.APIError),
        (Fault.MALFORMED, Exception),
    ],
)
async def test_faults_that_break_the_stream_break_it(
    qwen: ScriptedQwen, client: AsyncOpenAI, fault: Fault, error: type[Exception]
) -> None:
    """OpenAI's client raises where the stream is broken."""
    qwen.otherwise(Reply(fault=fault, after=2))

    with pytest.raises(error):
        await stream(client, "hi")


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.SILENCE, Fault.STALL, Fault.ENDLESS])
async def test_faults_without_end_are_left_by_the_client(
    qwen: ScriptedQwen, client: AsyncOpenAI, fault: Fault
) -> None:
    """A client that gives up is counted as such, and nothing goes on without it."""
    qwen.otherwise(Reply(fault=fault, after=2, tokens_per_second=500))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stream(client, "hi"), 0.2)
    await asyncio.sleep(0.05)

    assert (qwen.closed_early, qwen.active, qwen.completed) == (1, 0, 0)


async def test_a_status_comes_with_its_retry_after(qwen: ScriptedQwen, client: AsyncOpenAI) -> None:
    """Status codes are scripted like answers."""
    qwen.otherwise(Reply(status=429, retry_after="2"))

    with pytest.raises(openai.RateLimitError) as refused:
        await stream(client, "hi")

    assert refused.value.response.headers["retry-after"] == "2"


async def test_thinking_is_sent_until_it_is_switched_off(
    qwen: ScriptedQwen, client: AsyncOpenAI
) -> None:
    """Reasoning has a field of its own, and the known switches silence it."""
    qwen.otherwise(Reply(text="42", reasoning="Let me think."))

    thought = await client.chat.completions.create(
        model="qwen", messages=[{"role": "user", "content": "why?"}]
    )
    silent = await client.chat.completions.create(
        model="qwen",
        messages=[{"role": "user", "content": "why?"}],
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
    )

    assert thought.choices[0].message.model_extra == {"reasoning_content": "Let me think."}
    assert silent.choices[0].message.model_extra == {}


async def test_judges_find_the_scripted_violations(qwen: ScriptedQwen, client: AsyncOpenAI) -> None:
    """A guard answers Qwen3Guard's lines, a judge fills the schema it is given."""
    qwen.finds("bomb", principle="no-weapons", category="Violent")
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"ids": {"type": "array"}, "sure": {"type": "boolean"}},
    }

    guard = text_of(await stream(client, "a bomb", model="Qwen3Guard-Gen-0.6B"))
    safe = text_of(await stream(client, "a cake", model="Qwen3Guard-Gen-0.6B"))
    judged = await client.chat.completions.create(
        model="qwen-plus",
        messages=[{"role": "user", "content": "a bomb"}],
        response_format={"type": "json_schema", "json_schema": {"name": "v", "schema": schema}},
    )

    assert guard == "Safety: Unsafe\nCategories: Violent"
    assert safe == "Safety: Safe\nCategories: None"
    assert judged.choices[0].message.content is not None
    assert json.loads(judged.choices[0].message.content) == {"ids": ["no-weapons"], "sure": True}


async def test_embeddings_depend_on_the_text_alone(qwen: ScriptedQwen, client: AsyncOpenAI) -> None:
    """Equal texts have equal unit vectors, others have others."""
    answer = await client.embeddings.create(
        model="e", input=["a", "b", "a"], dimensions=64, encoding_format="float"
    )
    one, other, same = (item.embedding for item in answer.data)

    assert one == same != other
    assert len(one) == 64
    assert pytest.approx(sum(value * value for value in one)) == 1


async def test_keys_models_and_unknown_fields_are_checked(client: AsyncOpenAI) -> None:
    """A strict server refuses wrong keys and fields it does not know, and lists its models."""
    script = Script(api_key="right", models=["qwen3:8b"], unknown_fields=["enable_thinking"])
    async with (
        ScriptedQwen(script) as strict,
        AsyncOpenAI(base_url=strict.base_url, api_key="right", max_retries=0) as right,
    ):
        with pytest.raises(openai.AuthenticationError):
            await right.with_options(api_key="wrong").chat.completions.create(
                model="q", messages=[]
            )
        with pytest.raises(openai.BadRequestError):
            await right.chat.completions.create(
                model="q", messages=[], extra_body={"enable_thinking": False}
            )
        models = await right.models.list()

    assert [model.id for model in models.data] == ["qwen3:8b"]


async def test_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    """As a process it serves a script file, is watched and changed over HTTP, stops on SIGTERM."""
    script = tmp_path / "script.json"
    script.write_text(
        json.dumps({"rules": [{"match": "hi", "reply": {"text": "Hello.", "ttft": 0.01}}]})
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.scripted_qwen", "--port", "0"),
        *("--script", str(script)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        async with AsyncOpenAI(base_url=ready["base_url"], api_key="none") as client:
            said = text_of(await stream(client, "hi"))
            async with aiohttp.ClientSession() as session:
                root = f"http://127.0.0.1:{ready['port']}"
                await session.put(f"{root}/__script", json={"otherwise": {"text": "Changed."}})
                changed = text_of(await stream(client, "hi"))
                stats = await (await session.get(f"{root}/__stats")).json()
                requests = await (await session.get(f"{root}/__requests")).json()
    finally:
        process.terminate()

    assert (said, changed) == ("Hello.", "Changed.")
    assert (stats["completed"], stats["closed_early"]) == (2, 0)
    assert [one["messages"][0]["content"] for one in requests] == ["hi", "hi"]
    assert await process.wait() == 0
