"""What people read when the service speaks: `messages/en.yml` and `messages/zh.yml`."""

import string
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from guardrails.principles import LANGUAGES, Language, Principle
from guardrails.source import Document, Problem
from guardrails.verdict import Action, Decision, Stage

NEEDED = (
    "blocked_input",
    "blocked_output",
    "blocked_retrieval",
    "replaced",
    "revised",
    "masked",
    "annotated",
    "failed_input",
    "failed_output",
    "mask_other",
)
"""Messages the rails themselves use; the others are asked for by their own rooms."""

STEMS = NEEDED[:7]
"""Messages that a principle may have in words of its own: `<stem>_<principle id>`."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Template(_Entry):
    """One message."""

    text: str = Field(min_length=1)
    placeholders: tuple[str, ...] = ()
    """Names the text may use, such as ``{title}``."""


class MessageFile(_Entry):
    """The messages of one language."""

    version: Literal[1]
    language: Language
    messages: dict[str, Template]


class Messages:
    """The messages of a policy in every language."""

    def __init__(self, texts: Mapping[Language, Mapping[str, Template]]) -> None:
        self._texts = {language: dict(texts[language]) for language in LANGUAGES}

    def fill(self, key: str, language: str, values: Mapping[str, str]) -> str:
        """Fill the message `key`.

        Raises:
            KeyError: There is no such message, or a value is missing.
        """
        template = self._texts["zh" if language == "zh" else "en"][key]
        return template.text.format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a message `key`."""
        return key in self._texts["en"]

    def of_principle(self, stem: str, principle: Principle | None, language: str) -> str:
        """The message `stem` in the principle's own words where it has some."""
        tongue: Language = "zh" if language == "zh" else "en"
        own = f"{stem}_{principle.id.replace('-', '_')}" if principle else stem
        values = (
            {"title": principle.title[tongue], "summary": principle.summary[tongue]}
            if principle
            else {"title": "", "summary": ""}
        )
        return self.fill(own if self.has(own) else stem, tongue, values).strip()


def refusal_stem(decision: Decision) -> str:
    """Which message a stopped person reads."""
    if decision.failed or decision.principle is None:
        return "failed_input" if decision.stage is Stage.INPUT else "failed_output"
    if decision.action is Action.REPLACE:
        return "replaced"
    return f"blocked_{decision.stage.value}"


def problems_of(
    documents: Mapping[Language, Document], files: Mapping[Language, MessageFile]
) -> list[Problem]:
    """Messages that one language lacks, and names that nothing fills in."""
    problems: list[Problem] = []
    keys = {key for file in files.values() for key in file.messages} | set(NEEDED)
    for language, document in documents.items():
        messages = files[language].messages
        if files[language].language != language:
            problems.append(
                document.problem(
                    ("language",), "names another language", f"write language: {language}"
                )
            )
        problems.extend(
            document.problem(("messages",), f"'{key}' is missing in '{language}'", "translate it")
            for key in sorted(keys - set(messages))
        )
        for key, template in messages.items():
            problems.extend(_problems_of_template(document, key, template))
    return problems + _differing_placeholders(documents, files)


def _problems_of_template(document: Document, key: str, template: Template) -> list[Problem]:
    place = ("messages", key, "text")
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(template.text) if name}
    except ValueError:
        return [document.problem(place, f"'{key}' has a stray brace", "double it: {{ }}")]
    return [
        document.problem(
            place,
            f"'{key}' uses {{{name}}}, which nothing fills in",
            f"known here: {', '.join(template.placeholders) or 'none'}",
        )
        for name in sorted(used - set(template.placeholders))
    ]


def _differing_placeholders(
    documents: Mapping[Language, Document], files: Mapping[Language, MessageFile]
) -> list[Problem]:
    english, chinese = files["en"].messages, files["zh"].messages
    return [
        documents["zh"].problem(
            ("messages", key), f"'{key}' has other placeholders than in English", "use the same"
        )
        for key in sorted(set(english) & set(chinese))
        if set(english[key].placeholders) != set(chinese[key].placeholders)
    ]
