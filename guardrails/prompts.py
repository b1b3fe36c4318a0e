"""Prompts as data: templates of `prompts.yml`, compiled once and rendered often."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, model_validator

from guardrails.dialogue import Message, Role
from guardrails.principles import Principle
from guardrails.source import Document, Place, Problem

Parser = Literal["constitution_violations", "plain_text"]

VARIABLES: Mapping[str, frozenset[str]] = {
    "constitution_judge_input": frozenset({"principles", "user_input", "nonce"}),
    "constitution_judge_output": frozenset({"principles", "bot_response", "nonce"}),
    "constitution_judge_exchange": frozenset(
        {"principles", "user_input", "bot_response", "passages", "nonce"}
    ),
    "constitution_critique": frozenset(
        {"principle", "user_input", "bot_response", "passages", "nonce", "language"}
    ),
    "constitution_revision": frozenset(
        {"principle", "critique", "user_input", "bot_response", "passages", "nonce", "language"}
    ),
    "system": frozenset({"principles", "passages", "language", "nonce", "canary", "today"}),
}
"""What the code passes to each prompt."""

REQUIRED: Mapping[str, frozenset[str]] = {
    "constitution_judge_input": frozenset({"user_input"}),
    "constitution_judge_output": frozenset({"bot_response"}),
    "constitution_judge_exchange": frozenset({"user_input", "bot_response"}),
    "constitution_critique": frozenset({"principle", "bot_response"}),
    "constitution_revision": frozenset({"principle", "critique", "bot_response"}),
    "system": frozenset({"canary"}),
}
"""What each prompt must use: without it the judge would judge nothing."""

PARSERS: Mapping[str, Parser | None] = {
    "constitution_judge_input": "constitution_violations",
    "constitution_judge_output": "constitution_violations",
    "constitution_judge_exchange": "constitution_violations",
    "constitution_critique": "plain_text",
    "constitution_revision": "plain_text",
    "system": None,
}
"""Who reads the answer to each prompt."""

_STATIC_CACHE = 256


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class MessageTemplate(_Entry):
    """One message of a prompt."""

    type: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class Prompt(_Entry):
    """One task's prompt, in NeMo Guardrails' form."""

    task: str
    content: str | None = None
    messages: tuple[MessageTemplate, ...] | None = None
    output_parser: str | None = None
    max_length: int = Field(default=16_000, ge=1)
    """Longest rendered prompt, in characters; what is longer fails closed."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of the answer."""

    @model_validator(mode="after")
    def _has_one_form(self) -> "Prompt":
        if (self.content is None) == (self.messages is None):
            raise ValueError("write either content or messages")
        return self

    @property
    def templates(self) -> tuple[MessageTemplate, ...]:
        """The messages; `content` alone is one user message."""
        if self.messages is not None:
            return self.messages
        return (MessageTemplate(type="user", content=self.content or ""),)


class PromptFile(_Entry):
    """The file as a whole."""

    prompts: tuple[Prompt, ...]


class PromptError(ValueError):
    """A prompt that cannot be rendered. Its message names the task and never holds a text."""


def environment() -> ImmutableSandboxedEnvironment:
    """The Jinja environment of prompts: sandboxed, and an unknown name is an error."""
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )


@dataclass(frozen=True, slots=True)
class _Compiled:
    role: Role
    template: Template = field(repr=False)
    static: bool
    """Whether nothing but the principles goes in, so that the text can be kept."""


class Prompts:
    """All prompts of a policy, compiled.

    Args:
        prompts: The prompts of the policy; checked by `problems_of` before.
        principles: What a prompt gets as `principles` where the caller passes none.
    """

    def __init__(self, prompts: Sequence[Prompt], principles: tuple[Principle, ...]) -> None:
        jinja = environment()
        self._principles = principles
        self._prompts = {prompt.task: prompt for prompt in prompts}
        self._compiled = {
            prompt.task: tuple(
                _Compiled(
                    Role(message.type),
                    jinja.from_string(message.content),
                    meta.find_undeclared_variables(jinja.parse(message.content)) <= {"principles"},
                )
                for message in prompt.templates
            )
            for prompt in prompts
        }
        self._kept: OrderedDict[tuple[str, int, tuple[str, ...]], str] = OrderedDict()

    def max_tokens(self, task: str) -> int | None:
        """Most tokens the answer to `task` may have."""
        return self._prompts[task].max_tokens

    def render(self, task: str, variables: Mapping[str, object]) -> tuple[Message, ...]:
        """Fill the prompt of `task`; messages that come out blank are left out.

        Args:
            task: Name of the prompt.
            variables: Its variables; `principles` and `nonce` are added where they are missing.

        Raises:
            PromptError: There is no such prompt, a variable is missing, or the result is longer
                than the prompt's `max_length`.
        """
        compiled = self._compiled.get(task)
        if compiled is None:
            raise PromptError(f"There is no prompt for {task!r}.")
        filled = {"principles": self._principles, "nonce": secrets.token_hex(4), **variables}
        messages: list[Message] = []
        try:
            for index, message in enumerate(compiled):
                text = (
                    self._static(task, index, message.template, filled["principles"])
                    if message.static
                    else message.template.render(filled).strip("\n")
                )
                if text.strip():
                    messages.append(Message(message.role, text))
        except (TemplateError, TypeError, AttributeError, KeyError) as error:
            # Jinja names the variable; its other messages may quote values.
            detail = error.message if isinstance(error, TemplateError) else type(error).__name__
            raise PromptError(f"The prompt {task!r} cannot be filled: {detail}") from None
        length = sum(len(message.text) for message in messages)
        if length > self._prompts[task].max_length:
            raise PromptError(f"The prompt {task!r} is longer than its max_length: {length}.")
        return tuple(messages)

    def _static(self, task: str, index: int, template: Template, principles: object) -> str:
        ids = tuple(p.id for p in principles) if isinstance(principles, tuple) else ()
        key = (task, index, ids)
        text = self._kept.get(key)
        if text is None:
            text = template.render({"principles": principles}).strip("\n")
            if len(self._kept) >= _STATIC_CACHE:
                self._kept.popitem(last=False)
            self._kept[key] = text
        return text


def problems_of(document: Document, prompts: Sequence[Prompt]) -> list[Problem]:
    """Everything that is wrong with the prompts: names, variables, parsers, syntax."""
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for index, prompt in enumerate(prompts):
        place: Place = ("prompts", index)
        if prompt.task in seen:
            problems.append(
                document.problem(
                    (*place, "task"), f"a second prompt for '{prompt.task}'", "keep one of them"
                )
            )
        seen[prompt.task] = index
        if prompt.task in VARIABLES:
            problems.extend(_problems_of_ours(document, place, prompt))
        elif not prompt.task.startswith(("self_check_", "content_safety_", "topic_safety_")):
            problems.append(
                document.problem(
                    (*place, "task"),
                    f"nothing asks for a prompt '{prompt.task}'",
                    f"known tasks: {', '.join(VARIABLES)}",
                )
            )
    problems.extend(
        document.problem(("prompts",), f"there is no prompt for '{task}'", "add it")
        for task in VARIABLES
        if task not in seen
    )
    return problems


def _problems_of_ours(document: Document, place: Place, prompt: Prompt) -> list[Problem]:
    problems: list[Problem] = []
    expected = PARSERS[prompt.task]
    if prompt.output_parser != expected:
        said = f"unknown parser '{prompt.output_parser}'" if prompt.output_parser else "no parser"
        problems.append(
            document.problem(
                (*place, "output_parser"),
                f"{said} for '{prompt.task}'",
                f"write output_parser: {expected}" if expected else "remove output_parser",
            )
        )
    used: set[str] = set()
    for number, template in enumerate(prompt.templates):
        at = (*place, "messages", number, "content") if prompt.messages else (*place, "content")
        try:
            names = meta.find_undeclared_variables(environment().parse(template.content))
        except TemplateSyntaxError as error:
            line = document.line(at) + error.lineno
            problems.append(
                Problem(document.file, line, f"Jinja: {error.message}", "correct the template")
            )
            return problems
        problems.extend(
            document.problem(
                at,
                f"unknown variable '{name}' in '{prompt.task}'",
                f"known here: {', '.join(sorted(VARIABLES[prompt.task]))}",
            )
            for name in sorted(names - VARIABLES[prompt.task])
        )
        used |= names
    problems.extend(
        document.problem(place, f"'{prompt.task}' never uses '{name}'", f"add {{{{ {name} }}}}")
        for name in sorted(REQUIRED[prompt.task] - used)
    )
    return problems
