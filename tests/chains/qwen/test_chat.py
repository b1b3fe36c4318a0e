import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk, LLMResult
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr
from typing_extensions import override

from chains.errors import ModelInterruptedError, ModelUnavailableError
from chains.qwen.chat import ChatQwen
from chains.qwen.endpoint import Endpoint
from chains.qwen.settings import Deadlines
from chains.qwen.thinking import ThinkingStyle
from tests.chains.qwen.conftest import SHORT, MakeChat
from tests.fakes.scripted_qwen import DEFAULT_TEXT, Fault, Reply, ScriptedQwen
from tests.fakes.scripted_reply import tokens_of

LONG = "Eins zwei drei vier fünf. 你好，世界。 " * 12


async def chunks_of(stream: AsyncIterator[AIMessageChunk]) -> list[AIMessageChunk]:
    """Everything a stream yields, until it ends."""
    return [chunk async for chunk in stream]


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """The message that the chunks make."""
    message, *rest = chunks
    for chunk in rest:
        message += chunk
    assert isinstance(message, AIMessageChunk)
    return message


def closable(stream: AsyncIterator[AIMessageChunk]) -> AsyncGenerator[AIMessageChunk, None]:
    """A stream, with the `aclose` that its type does not promise."""
    assert isinstance(stream, AsyncGenerator)
    return stream


async def eventually(qwen: ScriptedQwen, *, closed_early: int) -> float:
    """Seconds until the server has seen connections closed."""
    clock = asyncio.get_running_loop()
    start = clock.time()
    while qwen.closed_early < closed_early:
        assert clock.time() - start < 1
        await asyncio.sleep(0.001)
    return clock.time() - start


class TestWindows:
    async def test_each_chunk_is_a_window(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """Sentences come as chunks, and the last chunk holds counts and reason."""
        chunks = await chunks_of(chat().astream("hi"))

        assert [chunk.content for chunk in chunks] == [
            "This is the scripted Qwen. ",
            "It answers every question with the same three sentences. ",
            DEFAULT_TEXT.partition("sentences. ")[2],
            "",
        ]
        assert chunks[-1].response_metadata["finish_reason"] == "stop"
        assert chunks[-1].usage_metadata is not None
        assert chunks[-1].usage_metadata["output_tokens"] > 0

    async def test_the_stride_bounds_a_window(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """No window is longer than asked for, paced or not."""
        qwen.when("all at once", Reply(text="word " * 100))
        qwen.when("paced", Reply(text="word " * 100, tokens_per_second=1000))

        for question in ("all at once", "paced"):
            chunks = await chunks_of(chat(stride=50).astream(question))

            assert max(len(chunk.content) for chunk in chunks) <= 50
            assert joined(chunks).content == "word " * 100

    async def test_slow_text_does_not_wait_for_its_sentence(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Words that have waited long enough are handed out without their sentence's end."""
        qwen.otherwise(Reply(text="slow words without any end " * 2, tokens_per_second=20))

        chunks = await chunks_of(chat(hold=timedelta(milliseconds=100)).astream("hi"))

        assert len(chunks) >= 4
        assert all(str(chunk.content).endswith(" ") for chunk in chunks[:-2])
        assert joined(chunks).content == "slow words without any end " * 2

    async def test_a_word_is_not_cut_by_waiting(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """A single long word waits until it ends, however slow it comes."""
        qwen.otherwise(Reply(text="Donaudampfschifffahrtsgesellschaft", tokens_per_second=10))

        chunks = await chunks_of(chat(hold=timedelta(milliseconds=20)).astream("hi"))

        assert chunks[0].content == "Donaudampfschifffahrtsgesellschaft"

    @pytest.mark.parametrize("fault", [Fault.SPLIT, Fault.CRLF, Fault.HALF_LINE, Fault.NO_DONE])
    async def test_odd_bytes_are_the_same_text(
        self, qwen: ScriptedQwen, chat: MakeChat, fault: Fault
    ) -> None:
        """Split characters, line ends and comments change nothing of the text."""
        qwen.otherwise(Reply(text=LONG, fault=fault, after=2))

        assert joined(await chunks_of(chat().astream("hi"))).content == LONG

    async def test_one_byte_at_a_time(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """The slowest bytes make the same text, while tokens come in time."""
        qwen.otherwise(Reply(text="你好 there", fault=Fault.BYTES, gap=timedelta()))

        assert joined(await chunks_of(chat().astream("hi"))).content == "你好 there"

    async def test_a_huge_token_is_cut_at_the_answers_bound(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Half a megabyte in one token is cut at the answer's bound."""
        qwen.otherwise(Reply(fault=Fault.HUGE, size=512 * 1024))

        message = joined(await chunks_of(chat(max_tokens=1024).astream("hi")))

        assert message.response_metadata["finish_reason"] == "length"
        assert len(message.content) == 64 * 1024

    async def test_an_endless_answer_ends(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """A server that ignores `max_tokens` is left when it must be done."""
        qwen.otherwise(Reply(fault=Fault.ENDLESS))

        message = joined(await chunks_of(chat(max_tokens=50).astream("hi")))

        assert message.response_metadata["finish_reason"] == "length"
        assert message.response_metadata["usage_estimated"]
        await eventually(qwen, closed_early=1)

    async def test_an_empty_answer_is_empty(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """A proper end without text is no error: the ladder decides what it is worth."""
        qwen.otherwise(Reply(fault=Fault.EMPTY))

        message = joined(await chunks_of(chat().astream("hi")))

        assert (message.content, message.response_metadata["finish_reason"]) == ("", "stop")

    async def test_a_server_that_does_not_stream_is_understood(
        self, qwen: ScriptedQwen, chat: MakeChat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One JSON document instead of a stream is an answer too."""
        monkeypatch.setattr("tests.fakes.scripted_answers.Received.stream", False)

        message = joined(await chunks_of(chat().astream("hi")))

        assert message.content == DEFAULT_TEXT
        assert message.usage_metadata is not None

    async def test_counts_are_estimated_where_there_are_none(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """A server without counts gets estimates that say so, never zeros."""
        qwen.otherwise(Reply(text="four words are here", usage=False))

        last = (await chunks_of(chat().astream("a question")))[-1]

        assert last.response_metadata["usage_estimated"] is True
        assert last.usage_metadata == {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}


class TestThinking:
    @pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "think"])
    async def test_reasoning_is_told_apart(
        self, qwen: ScriptedQwen, chat: MakeChat, field: str
    ) -> None:
        """Reasoning comes in windows of its own, wherever the server puts it."""
        reply = Reply(text="42.", reasoning="First. Then.", reasoning_field=field)
        qwen.when("burst", reply)
        qwen.when("paced", reply.model_copy(update={"tokens_per_second": 200}))

        for question in ("burst", "paced"):
            message = joined(await chunks_of(chat().astream(question, thinking=True)))

            assert message.content == "42."
            assert message.additional_kwargs["reasoning_content"].strip() == "First. Then."

    async def test_it_is_off_by_default(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """Nobody asked: the server is told, and if it thinks all the same it is not heard."""
        qwen.when("obeys", Reply(text="42.", reasoning="Hm."))
        qwen.when("stubborn", Reply(text="<think>Hm.</think>42."))

        for question in ("obeys", "stubborn"):
            message = joined(await chunks_of(chat().astream(question)))

            assert (message.content, message.additional_kwargs) == ("42.", {})
        assert not qwen.received[0].thinking

    @pytest.mark.parametrize("style", list(ThinkingStyle))
    async def test_every_style_switches_it(
        self, qwen: ScriptedQwen, chat: MakeChat, style: ThinkingStyle
    ) -> None:
        """Each way of switching thinking is understood by a server that knows them all."""
        model = chat(Endpoint(qwen.base_url, "qwen-scripted", thinking_style=style))

        await chunks_of(model.astream("hi"))
        await chunks_of(model.astream("hi", thinking=True))

        heard = [one.thinking for one in qwen.received]
        assert heard == [style is ThinkingStyle.NONE, True]

    async def test_a_server_that_refuses_the_switch_answers_without_it(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Each unknown field costs one more request, once, and no answer."""
        qwen.script.unknown_fields = ["chat_template_kwargs", "enable_thinking"]
        model = chat()

        for _ in range(2):
            assert joined(await chunks_of(model.astream("hi"))).content == DEFAULT_TEXT
        assert len(qwen.received) == 4

    async def test_a_thinking_models_template_may_open_the_block(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Models named for thinking begin inside the block, and only close it."""
        qwen.otherwise(Reply(text="Hm.\n</think>\n\n42."))
        model = chat(Endpoint(qwen.base_url, "qwen3-4b-thinking-2507"))

        message = joined(await chunks_of(model.astream("hi", thinking=True)))

        assert message.content == "42."
        assert message.additional_kwargs == {"reasoning_content": "Hm.\n"}


class TestFaults:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(status=503, retry_after="3"),
            Reply(fault=Fault.HANG),
            Reply(fault=Fault.SILENCE),
            Reply(fault=Fault.DISCONNECT),
            Reply(fault=Fault.HTML),
            Reply(fault=Fault.RESET),
            Reply(fault=Fault.CUT),
            Reply(fault=Fault.EOF),
            Reply(fault=Fault.ERROR),
            Reply(fault=Fault.MALFORMED),
            Reply(fault=Fault.STALL),
            Reply(text="first words", fault=Fault.RESET, after=1),
        ],
        ids=lambda reply: f"{reply.fault or reply.status}-{reply.after}",
    )
    async def test_before_anything_was_handed_out_another_rung_may_answer(
        self, qwen: ScriptedQwen, chat: MakeChat, reply: Reply
    ) -> None:
        """While nothing was handed out, a fault is the model being unavailable."""
        qwen.otherwise(reply)

        with pytest.raises(ModelUnavailableError) as raised:
            await chunks_of(chat(deadlines=SHORT).astream("hi"))

        expected = timedelta(seconds=3) if reply.retry_after else None
        assert raised.value.retry_after == expected
        assert "127.0.0.1" not in raised.value.message

    @pytest.mark.parametrize(
        "fault",
        [Fault.RESET, Fault.CUT, Fault.EOF, Fault.ERROR, Fault.MALFORMED, Fault.STALL],
    )
    async def test_later_the_answer_is_interrupted_and_nothing_is_lost(
        self, qwen: ScriptedQwen, chat: MakeChat, fault: Fault
    ) -> None:
        """After words were handed out, the rest that was read follows, then the error."""
        text = "One sentence. And another one that is cut in the middle of it all. And more."
        qwen.otherwise(Reply(text=text, fault=fault, after=12, tokens_per_second=500))
        said = ""

        with pytest.raises(ModelInterruptedError):
            async for chunk in chat(deadlines=SHORT).astream("hi"):
                said += str(chunk.content)

        assert said == "".join(tokens_of(text)[:12])

    async def test_the_first_token_counts_and_not_the_headers(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Headers do not put the first token's deadline off."""
        qwen.otherwise(Reply(fault=Fault.SILENCE))
        clock = asyncio.get_running_loop()
        start = clock.time()

        with pytest.raises(ModelUnavailableError, match="did not begin"):
            await chunks_of(chat(deadlines=SHORT).astream("hi"))

        assert 0.25 < clock.time() - start < 2
        await eventually(qwen, closed_early=1)

    async def test_slow_bytes_are_no_tokens(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """A byte now and then does not put the deadline off either."""
        qwen.otherwise(Reply(fault=Fault.BYTES, gap=timedelta(milliseconds=20)))

        with pytest.raises(ModelUnavailableError, match="did not begin"):
            await chunks_of(chat(deadlines=SHORT).astream("hi"))

    async def test_every_token_puts_the_stall_off(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """An answer may take longer than the deadline between two of its tokens."""
        qwen.otherwise(Reply(text="word " * 12, tokens_per_second=20))

        assert joined(await chunks_of(chat(deadlines=SHORT).astream("hi"))).content == "word " * 12

    async def test_the_whole_answer_has_a_deadline(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """An answer that never ends in small steps ends at last."""
        qwen.otherwise(Reply(text="word " * 200, tokens_per_second=50))
        deadlines = SHORT.model_copy(update={"total": timedelta(milliseconds=400)})

        with pytest.raises(ModelInterruptedError, match="too long"):
            await chunks_of(chat(deadlines=deadlines, hold=timedelta(0)).astream("hi"))

    async def test_a_consumers_time_is_not_the_models(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Rails that think longer than the stall deadline do not make a model late."""
        qwen.otherwise(Reply(text="A. B. C. " * 5, tokens_per_second=200))
        said = ""

        async for chunk in chat(deadlines=SHORT).astream("hi"):
            said += str(chunk.content)
            if len(said) < 10:
                await asyncio.sleep(0.35)

        assert said == "A. B. C. " * 5

    async def test_a_whole_answer_survives_a_missing_end(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """With its finish_reason an answer is whole, whatever the connection does then."""
        qwen.otherwise(Reply(text="Done.", fault=Fault.NO_DONE))

        message = joined(await chunks_of(chat(deadlines=SHORT).astream("hi")))

        assert message.content == "Done."

    async def test_a_local_model_may_take_longer_to_begin(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """A server of this machine has the deadline of its own for the first token."""
        qwen.otherwise(Reply(text="Slow.", ttft=timedelta(milliseconds=200)))
        deadlines = Deadlines(
            first_token=timedelta(milliseconds=50), first_token_local=timedelta(seconds=2)
        )

        assert (await chat(deadlines=deadlines).ainvoke("hi")).content == "Slow."


class TestClosing:
    async def test_closing_the_stream_stops_the_model(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Whoever stops reading stops the model within 50 ms."""
        qwen.otherwise(Reply(text="A sentence. " * 500, tokens_per_second=300))

        took = []
        for times in range(1, 4):  # the best of three, for busy machines' sake
            async with aclosing(closable(chat().astream("hi"))) as stream:
                await anext(stream)
            took.append(await eventually(qwen, closed_early=times))

        assert min(took) < 0.05
        assert qwen.active == 0

    @pytest.mark.parametrize("when", ["before the first token", "in the middle"])
    async def test_cancelling_stops_the_model(
        self, qwen: ScriptedQwen, chat: MakeChat, when: str
    ) -> None:
        """Cancelling the reader closes the connection, whenever it happens."""
        wait = timedelta(seconds=5 if when == "before the first token" else 0)
        qwen.otherwise(Reply(text="word " * 500, tokens_per_second=100, ttft=wait))
        for ask in (chat().ainvoke, chat().astream):
            early = qwen.closed_early

            async def read(asked: Any) -> None:
                if isinstance(asked, AsyncGenerator):
                    await chunks_of(asked)
                else:
                    await asked

            task = asyncio.create_task(read(ask("hi")))
            await asyncio.sleep(0.15)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            await eventually(qwen, closed_early=early + 1)

    async def test_nothing_is_left_behind(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """After closing early there is no task and no generator that somebody has to finish."""
        qwen.otherwise(Reply(text="A sentence. " * 500, tokens_per_second=300))
        before = asyncio.all_tasks()

        async with aclosing(closable(chat().astream("hi"))) as stream:
            await anext(stream)
        await asyncio.sleep(0)
        gc.collect()

        served = {task for task in asyncio.all_tasks() if "Wire" in repr(task.get_coro())}
        assert asyncio.all_tasks() - before - served == set()

    async def test_a_finished_answer_gives_its_connection_back(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """The next question goes over the same connection."""
        model = chat()
        for _ in range(3):
            await chunks_of(model.astream("hi"))

        assert (qwen.connections, qwen.closed_early, qwen.completed) == (1, 0, 3)


class Verdict(BaseModel):
    """What a judge says."""

    violated: list[str]


class TestLangChain:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(),
            Reply(text=LONG, tokens_per_second=2000),
            Reply(text="cut", finish_reason="length"),
        ],
        ids=["burst", "paced", "length"],
    )
    async def test_the_message_is_what_stock_chat_openai_makes(
        self, qwen: ScriptedQwen, chat: MakeChat, reply: Reply
    ) -> None:
        """Streamed or not, the assembled message equals the stock client's."""
        qwen.otherwise(reply)
        stock = ChatOpenAI(
            model_name="qwen-scripted",
            openai_api_base=qwen.base_url,
            openai_api_key=SecretStr("none"),
            stream_usage=True,
        )
        messages = [SystemMessage("Be brief."), HumanMessage("hi")]

        ours = joined(await chunks_of(chat().astream(messages)))
        invoked = await chat().ainvoke(messages)
        theirs = joined([c async for c in stock.astream(messages)])

        for message in (ours, invoked):
            for name in ("content", "additional_kwargs", "usage_metadata", "tool_calls"):
                assert getattr(message, name) == getattr(theirs, name)
            assert message.response_metadata == theirs.response_metadata
        assert ours.chunk_position == theirs.chunk_position == "last"
        sent = [one.body["messages"] for one in qwen.received]
        assert all(a == b for a, b in pairwise(sent))

    async def test_binding_and_callbacks_work(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """Bound arguments reach the server, and callbacks hear every window once."""

        class Listener(AsyncCallbackHandler):
            def __init__(self) -> None:
                self.heard: list[str] = []
                self.ended: list[str] = []

            @override
            async def on_llm_new_token(
                self,
                token: str | list[str | dict[str, Any]],
                *,
                chunk: GenerationChunk | ChatGenerationChunk | None = None,
                **kwargs: Any,
            ) -> None:
                self.heard.append(str(token))

            @override
            async def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
                self.ended.append(response.generations[0][0].text)

        listener = Listener()
        model = chat().bind(stop=["END"], temperature=0.1, thinking=False)
        bound = model.with_config(callbacks=[listener], tags=["test"])

        chunks = [chunk async for chunk in bound.astream("hi")]

        assert listener.heard == [chunk.content for chunk in chunks]
        assert listener.ended == [DEFAULT_TEXT]
        body = qwen.received[0].body
        assert (body["stop"], body["temperature"]) == (["END"], 0.1)
        assert not {"thinking", "closers"} & set(body)

    async def test_tool_calls_are_kept(
        self, qwen: ScriptedQwen, chat: MakeChat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Tool calls pass through the windows untouched."""
        call = {
            "index": 0,
            "id": "1",
            "function": {"name": "look", "arguments": '{"at": "it"}'},
        }
        original = "tests.fakes.scripted_stream.EventStream._delta"
        said = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        event = b"data: " + orjson.dumps(said) + b"\n\n"
        monkeypatch.setattr(original, lambda self, delta, reason=None: event)
        monkeypatch.setattr(
            "tests.fakes.scripted_stream.EventStream._end",
            lambda self: b'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\n',
        )
        qwen.otherwise(Reply(text=""))

        message = joined(await chunks_of(chat().astream("hi")))

        assert [(one["name"], one["args"]) for one in message.tool_calls] == [
            ("look", {"at": "it"})
        ]
        assert message.response_metadata["finish_reason"] == "tool_calls"

    async def test_structured_output_works(self, qwen: ScriptedQwen, chat: MakeChat) -> None:
        """An answer after a schema comes back as the schema's object."""
        judge = chat().with_structured_output(Verdict, method="json_schema")

        assert await judge.ainvoke("[[violate]]") == Verdict(violated=["no-weapons"])
        assert await judge.ainvoke("hello") == Verdict(violated=[])

    async def test_it_can_be_invoked_without_a_loop(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """Synchronous callers get the same answer."""
        model = chat()

        invoked = await asyncio.to_thread(model.invoke, "hi")
        streamed = await asyncio.to_thread(lambda: list(model.stream("hi")))

        assert invoked.content == "".join(str(c.content) for c in streamed) == DEFAULT_TEXT

    async def test_openais_environment_is_not_read(
        self, qwen: ScriptedQwen, chat: MakeChat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key or address meant for OpenAI reaches no Qwen server."""
        monkeypatch.setenv("OPENAI_API_KEY", "sk-SECRET")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        monkeypatch.setenv("OPENAI_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-SECRET")

        await chat().ainvoke("hi")

        assert "SECRET" not in str(qwen.received[0].headers)

    async def test_its_repr_holds_no_key(self, qwen: ScriptedQwen) -> None:
        """A model may be logged, or traced by LangChain, which stores its repr."""
        endpoint = Endpoint(qwen.base_url, "qwen", SecretStr("SECRET"))
        model = ChatQwen.at(endpoint)

        assert "SECRET" not in repr(model) + str(model) + str(model.to_json())
        await model.aclose()

    async def test_the_request_is_in_the_servers_dialect(
        self, qwen: ScriptedQwen, chat: MakeChat
    ) -> None:
        """`max_tokens`, streaming and counts as servers of Qwen know them."""
        await chat(max_tokens=77, temperature=0.2).ainvoke("hi")

        body = qwen.received[0].body
        assert (body["max_tokens"], body["temperature"], body["top_p"]) == (77, 0.2, 0.8)
        assert body["stream_options"] == {"include_usage": True}
        assert "max_completion_tokens" not in body
