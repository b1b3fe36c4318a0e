from pydantic import BaseModel

from chains.qwen.request import OPTIONAL_FIELDS, chat_request
from chains.qwen.thinking import ThinkingStyle, thinking_fields


class Verdict(BaseModel):
    """What a judge says."""

    violated: list[str]


def test_what_only_openais_client_knows_stays_here() -> None:
    """Arguments of the client are no fields, and its extra fields are."""
    request = chat_request(
        {"timeout": 1, "extra_headers": {}, "extra_body": {"top_k": 20}, "messages": []},
        style=ThinkingStyle.NONE,
        thinking=False,
    )

    assert request == {
        "messages": [],
        "top_k": 20,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_soft_switch_is_added_to_the_persons_last_message() -> None:
    """The first Qwen3 models obey a word in the text; what went in is not changed."""
    messages = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "four"},
    ]

    request = chat_request({"messages": messages}, style=ThinkingStyle.PROMPT, thinking=False)

    assert [one["content"] for one in request["messages"]] == [
        "one",
        "two",
        "three /no_think",
        "four",
    ]
    assert messages[2]["content"] == "three"


def test_the_soft_switch_needs_a_text() -> None:
    """Without a person's text there is nowhere to put it."""
    messages = [{"role": "system", "content": "hi"}]

    request = chat_request({"messages": messages}, style=ThinkingStyle.PROMPT, thinking=False)

    assert request["messages"] == messages


def test_a_class_becomes_its_schema() -> None:
    """The form of an answer may be given as a class, as OpenAI's client takes it."""
    request = chat_request(
        {"messages": [], "response_format": Verdict}, style=ThinkingStyle.NONE, thinking=False
    )

    schema = request["response_format"]["json_schema"]
    assert (schema["name"], list(schema["schema"]["properties"])) == ("Verdict", ["violated"])


def test_every_switch_may_be_refused() -> None:
    """Whatever a style sends, a server that refuses it is asked again without it."""
    sent = {name for style in ThinkingStyle for name in thinking_fields(style, thinking=False)}

    assert sent <= set(OPTIONAL_FIELDS)
