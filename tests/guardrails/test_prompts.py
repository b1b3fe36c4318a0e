"""Rendering prompts."""

import pytest

from guardrails.dialogue import Role
from guardrails.policy import Policy
from guardrails.principles import Principle
from guardrails.prompts import Prompt, PromptError, Prompts
from tests.fakes.small_policy import principle

ONE = Principle.model_validate(principle("no-weapons"))


def prompts(content: str, **changes: object) -> Prompts:
    prompt = Prompt.model_validate({"task": "t", "content": content} | changes)
    return Prompts([prompt], (ONE,))


def test_variables_fill_themselves_or_are_passed() -> None:
    """Principles are the policy's, and the nonce is fresh every time."""
    made = prompts("{{ principles[0].id }} {{ nonce }} {{ x }}")
    texts = {made.render("t", {"x": "y"})[0].text for _ in range(3)}
    assert len(texts) == 3
    assert all(text.startswith("no-weapons ") and text.endswith(" y") for text in texts)


def test_text_of_strangers_is_never_a_template() -> None:
    """Braces in a value stay braces."""
    assert prompts("{{ x }}").render("t", {"x": "{{ nonce }}"})[0].text == "{{ nonce }}"


def test_a_missing_variable_is_an_error_that_quotes_nothing() -> None:
    """A prompt is never rendered with a hole in it."""
    with pytest.raises(PromptError, match="'y' is undefined") as raised:
        prompts("{{ x }}{{ y }}").render("t", {"x": "secret"})
    assert "secret" not in str(raised.value)


def test_an_unknown_task_is_an_error() -> None:
    """There is no default prompt."""
    with pytest.raises(PromptError, match="no prompt"):
        prompts("x").render("other", {})


def test_a_prompt_that_is_too_long_is_an_error() -> None:
    """It fails instead of being cut."""
    with pytest.raises(PromptError, match="longer than its max_length"):
        prompts("{{ x }}", max_length=10).render("t", {"x": "x" * 11})


def test_a_template_cannot_reach_into_python() -> None:
    """Prompts are data: the sandbox holds."""
    with pytest.raises(PromptError):
        prompts("{{ x.__class__.__mro__ }}").render("t", {"x": "a"})


def test_the_part_that_never_changes_is_rendered_once(small_policy: Policy) -> None:
    """The judge's instructions are one text for the same principles, another for others."""
    both = [small_policy.render("constitution_judge_input", user_input=text) for text in ("a", "b")]
    assert both[0][0].text is both[1][0].text
    fewer = small_policy.render(
        "constitution_judge_input", user_input="a", principles=small_policy.principles[:1]
    )
    assert fewer[0].text != both[0][0].text


def test_messages_that_come_out_blank_are_left_out(small_policy: Policy) -> None:
    """Without passages the assistant's prompt is the system message alone."""
    words = {"language": "en", "canary": "c", "today": "2026-01-01"}
    alone = small_policy.render("system", passages=(), **words)
    assert [message.role for message in alone] == [Role.SYSTEM]
    passage = {"title": "T", "text": "P"}
    with_passages = small_policy.render("system", passages=((1, passage),), **words)
    assert [message.role for message in with_passages] == [Role.SYSTEM, Role.USER]
