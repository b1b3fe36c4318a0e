"""Asking a judge over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from guardrails.judge import Judge, JudgeEndpoint, JudgeError, JudgeKind, Question
from guardrails.policy import Policy, load_policy
from tests.fakes.scripted_judge import ScriptedJudge, verdict
from tests.fakes.small_policy import edit

MakeJudge = Callable[..., Judge]


@pytest.fixture
async def ask_with(judge: ScriptedJudge, small_policy: Policy) -> AsyncIterator[MakeJudge]:
    """Make judges that ask the scripted one; they are closed at the end."""
    made: list[Judge] = []

    def make(*, policy: Policy | None = None, **endpoint: Any) -> Judge:
        endpoint.setdefault("model", "qwen-scripted")
        one = Judge(JudgeEndpoint(judge.base_url, **endpoint), policy or small_policy)
        made.append(one)
        return one

    yield make
    for one in made:
        await one.aclose()


def question(policy: Policy, text: str = "hello") -> Question:
    return Question("constitution_judge_input", policy.principles[:3], user_input=text)


async def test_a_judge_names_what_is_violated(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """The text is fenced in the last message, the request deterministic and bounded."""
    judge.violates = {"bombs": "no-weapons"}
    judgement = await ask_with().ask(question(small_policy, "about bombs"))
    assert [(v.principle, v.confidence) for v in judgement.violations] == [("no-weapons", 0.95)]
    assert judgement.tokens == 10
    (request,) = judge.requests
    assert request["temperature"] == 0
    assert request["max_tokens"] == 200
    assert request["stream"] is False
    schema = request["response_format"]["json_schema"]["schema"]
    ids = schema["properties"]["violations"]["items"]["properties"]["id"]["enum"]
    assert ids == [p.id for p in small_policy.principles[:3]]
    assert "BEGIN MESSAGE" in judge.asked[0]


async def test_a_verdict_is_remembered_for_the_same_text(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """The same words in another spelling cost nothing; other principles are another question."""
    asks = ask_with()
    first = await asks.ask(question(small_policy, "Hello there"))
    second = await asks.ask(question(small_policy, "hello  THERE"))
    assert (first.tokens, second.tokens, len(judge.requests)) == (10, 0, 1)
    other = Question(
        "constitution_judge_input", small_policy.principles[:1], user_input="hello there"
    )
    await asks.ask(other)
    assert len(judge.requests) == 2


async def test_a_server_without_structured_output_is_asked_without(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """The refusal is remembered; the reply is read as strictly."""
    judge.refuses_schema = True
    asks = ask_with()
    await asks.ask(question(small_policy, "a"))
    await asks.ask(question(small_policy, "b"))
    assert ["response_format" in request for request in judge.requests] == [True, False, False]


async def test_qwen3guard_gets_the_conversation_alone(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """Its kind is told by its name, and the principles are not sent."""
    judge.reply = "Safety: Unsafe\nCategories: Violent"
    asks = ask_with(model="Qwen3Guard-Gen-4B")
    assert asks.endpoint.speaks is JudgeKind.QWEN3GUARD
    judgement = await asks.ask(question(small_policy))
    assert [v.principle for v in judgement.violations] == ["no-weapons"]
    await asks.ask(
        Question(
            "constitution_judge_exchange",
            small_policy.principles[:1],
            user_input="q",
            bot_response="a",
        )
    )
    assert [
        [(m["role"], m["content"]) for m in request["messages"]] for request in judge.requests
    ] == [[("user", "hello")], [("user", "q"), ("assistant", "a")]]


async def test_a_key_and_further_fields_are_sent_and_never_shown(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """Thinking is switched off by whatever field the endpoint knows."""
    asks = ask_with(api_key=SecretStr("k-1"), fields={"enable_thinking": False})
    await asks.ask(question(small_policy))
    assert judge.headers[0]["Authorization"] == "Bearer k-1"
    assert judge.requests[0]["enable_thinking"] is False
    assert "k-1" not in repr(asks.endpoint)


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "empty": ({"reply": ""}, "unreadable"),
    "prose": ({"reply": "Not safe."}, "unreadable"),
    "broken json": ({"reply": '{"violations": [{"id": "no-weap'}, "unreadable"),
    "thinking": ({"reply": "<think>well, it looks safe"}, "unreadable"),
    "500": ({"status": 500}, "status"),
    "429": ({"status": 429}, "status"),
    "400": ({"status": 400}, "status"),
    "html": ({"body": b"<html>portal</html>"}, "unreadable"),
    "no choices": ({"body": b'{"choices": []}'}, "unreadable"),
    "null": ({"body": b'{"choices": [{"message": {"content": null}}]}'}, "unreadable"),
    "huge": ({"body": b"x" * 300_000}, "unreadable"),
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_judge_that_is_wrong_gives_no_verdict(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy, how: str
) -> None:
    """Every way of talking nonsense is a fault, and it is not remembered."""
    script, fault = WRONG[how]
    for name, value in script.items():
        setattr(judge, name, value)
    asks = ask_with()
    with pytest.raises(JudgeError) as raised:
        await asks.ask(question(small_policy, "secret words"))
    assert raised.value.fault == fault
    assert "secret" not in str(raised.value)
    judge.reply, judge.status, judge.body = verdict(), 200, None
    assert (await asks.ask(question(small_policy, "secret words"))).violations == ()


async def test_a_judge_that_is_down_gives_no_verdict(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """A refused connection is a fault at once, and does not name the address."""
    await judge.stop()
    with pytest.raises(JudgeError) as raised:
        await ask_with().ask(question(small_policy))
    assert raised.value.fault == "unreachable"
    assert "127.0.0.1" not in str(raised.value)


async def test_a_judge_that_is_slow_gives_no_verdict(
    judge: ScriptedJudge, ask_with: MakeJudge, folder: Path
) -> None:
    """The deadline counts from the question, waiting for a free slot included."""
    edit(folder / "strictness.yml", "deadline_ms: 4000 ", "deadline_ms: 100 ")
    edit(folder / "strictness.yml", "concurrent: 64", "concurrent: 1")
    judge.delay = 1.0
    policy = load_policy(folder)
    asks = ask_with(policy=policy)
    began = asyncio.get_running_loop().time()
    results = await asyncio.gather(
        *(asks.ask(question(policy, str(number))) for number in range(3)), return_exceptions=True
    )
    assert asyncio.get_running_loop().time() - began < 0.9
    assert [one.fault for one in results if isinstance(one, JudgeError)] == ["timeout"] * 3


async def test_a_judge_writes_texts(
    judge: ScriptedJudge, ask_with: MakeJudge, small_policy: Policy
) -> None:
    """A critique is plain text, without the thinking before it."""
    judge.reply = "<think>hm</think>\n- too sure of itself"
    about = {
        "principle": small_policy.principle("no-professional-harm"),
        "user_input": "q",
        "bot_response": "a",
        "passages": (),
        "language": "en",
    }
    deadline = timedelta(seconds=2)
    written = await ask_with().write("constitution_critique", deadline=deadline, **about)
    assert written == ("- too sure of itself", 10)
    judge.reply = "<think>hm</think>"
    with pytest.raises(JudgeError, match="empty"):
        await ask_with().write("constitution_critique", deadline=deadline, **about)
    judge.reply = "<think>hm"
    with pytest.raises(JudgeError, match="unreadable"):
        await ask_with().write("constitution_critique", deadline=deadline, **about)
    with pytest.raises(JudgeError, match="cannot be filled"):
        await ask_with().write("constitution_critique", deadline=deadline)
    with pytest.raises(JudgeError, match="guard"):
        await ask_with(model="Qwen3Guard").write("constitution_critique", deadline=deadline)


async def test_a_text_that_no_prompt_has_room_for_gets_no_verdict(
    ask_with: MakeJudge, small_policy: Policy
) -> None:
    """It fails closed instead of being judged in part."""
    with pytest.raises(JudgeError, match="max_length"):
        await ask_with().ask(question(small_policy, "x" * 200_000))
