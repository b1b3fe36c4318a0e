"""A policy: an immutable snapshot of one folder, and the only way to load one.

Loading is strict, because whatever a lax loader skips is a rail that is silently off. Every
problem is reported at once, with file, line and fix.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from guardrails.dialogue import Message
from guardrails.lint import problems_of_config, problems_of_constitution, problems_of_lengths
from guardrails.messages import MessageFile, Messages, refusal_stem
from guardrails.messages import problems_of as problems_of_messages
from guardrails.principles import LANGUAGES, Constitution, Language, Principle
from guardrails.prompts import PromptFile, Prompts
from guardrails.prompts import problems_of as problems_of_prompts
from guardrails.rule_file import RuleFile
from guardrails.rule_lint import problems_of as problems_of_rules
from guardrails.rules import Rules
from guardrails.source import Document, PolicyError, Problem, read_yaml, validated
from guardrails.strictness import StrictnessFile
from guardrails.verdict import Decision

SHIPPED: Final = Path(__file__).parent / "config"
"""The policy that comes with the product."""

CHARACTERS_PER_TOKEN: Final = 4
"""Of English text, on the safe side for the windows of an answer."""

_FILES: Final = ("config.yml", "constitution.yml", "prompts.yml", "strictness.yml")
_ALONGSIDE: Final = ("constitution.schema.json", "README.md", ".gitkeep", ".gitignore")


@dataclass(frozen=True, slots=True)
class PrincipleText:
    """A principle as a person reads it, in one language."""

    id: str
    title: str
    summary: str
    text: str
    alternatives: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Everything a folder says, checked and compiled. Loaded by `load_policy`."""

    folder: Path
    version: str
    """SHA-256 of the folder's files, 12 hexadecimal characters."""
    constitution: Constitution = field(repr=False)
    strictness: StrictnessFile = field(repr=False)
    rules: Rules = field(repr=False)
    prompts: Prompts = field(repr=False)
    messages: Messages = field(repr=False)
    config: Document = field(repr=False)
    """NeMo Guardrails' configuration, as read; `guardrails.rails` compiles it."""
    flows: Mapping[str, str] = field(repr=False)
    """Colang files by their path in the folder."""
    source: Document = field(repr=False)
    """`constitution.yml` as read: it knows on which line each example stands."""

    @property
    def principles(self) -> tuple[Principle, ...]:
        """The principles, in the constitution's order."""
        return self.constitution.principles

    @property
    def window_stride(self) -> int:
        """Most characters of an answer between two checks."""
        streaming = self.config.value["rails"]["output"]["streaming"]
        return int(streaming["chunk_size"]) * CHARACTERS_PER_TOKEN

    def principle(self, id: str) -> Principle:  # noqa: A002 - the field's name
        """The principle `id`.

        Raises:
            KeyError: There is none.
        """
        return self.constitution.by_id[id]

    def principle_text(self, principle_id: str, language: str) -> PrincipleText:
        """What a person reads of a principle."""
        principle = self.principle(principle_id)
        tongue: Language = "zh" if language == "zh" else "en"
        return PrincipleText(
            id=principle.id,
            title=principle.title[tongue],
            summary=principle.summary[tongue],
            text=principle.text[tongue],
            alternatives=principle.alternatives[tongue],
        )

    def message(self, key: str, language: str, **values: str) -> str:
        """Fill the message `key` of `messages/*.yml`.

        Raises:
            KeyError: There is no such message, or a value is missing.
        """
        return self.messages.fill(key, language, values)

    def refusal(self, decision: Decision, language: str) -> str:
        """What a person reads instead of what `decision` stopped."""
        stem = refusal_stem(decision)
        principle = self.constitution.by_id.get(decision.principle) if decision.principle else None
        return self.messages.of_principle(stem, principle, language)

    def render(self, task: str, **variables: object) -> tuple[Message, ...]:
        """Fill the prompt `task` of `prompts.yml`; `principles` and `nonce` fill themselves.

        Raises:
            PromptError: There is no such prompt, a variable is missing, or it is too long.
        """
        return self.prompts.render(task, variables)


def load_policy(folder: Path = SHIPPED) -> Policy:
    """Load a policy folder.

    Args:
        folder: A folder of the form of `guardrails/config`.

    Raises:
        PolicyError: With every problem found. What only NeMo Guardrails can tell (rails, Colang)
            is checked when `guardrails.rails.Rails` compiles the policy.
    """
    problems: list[Problem] = []
    contents = _contents(folder, problems)
    documents = {file: read_yaml(folder, file, problems) for file in contents if _is_yaml(file)}
    loaded = _Loaded(documents, problems)
    constitution = loaded.file("constitution.yml", Constitution)
    strictness = loaded.file("strictness.yml", StrictnessFile)
    prompt_file = loaded.file("prompts.yml", PromptFile)
    message_files = {
        language: loaded.file(f"messages/{language}.yml", MessageFile) for language in LANGUAGES
    }
    rule_files = {
        file: loaded.file(file, RuleFile) for file in sorted(contents) if file.startswith("rules/")
    }
    principles = constitution.principles if constitution else ()
    if constitution:
        problems.extend(problems_of_constitution(loaded["constitution.yml"], constitution))
        read = {file: rules for file, rules in rule_files.items() if rules is not None}
        problems.extend(
            problems_of_rules([loaded[file] for file in read], list(read.values()), principles)
        )
    if prompt_file:
        problems.extend(problems_of_prompts(loaded["prompts.yml"], prompt_file.prompts))
    if all(message_files.values()):
        problems.extend(
            problems_of_messages(
                {language: loaded[f"messages/{language}.yml"] for language in LANGUAGES},
                {language: file for language, file in message_files.items() if file},
            )
        )
    problems.extend(problems_of_config(documents))
    if strictness and prompt_file:
        problems.extend(
            problems_of_lengths(loaded["prompts.yml"], prompt_file, strictness, principles)
        )
    if problems or not (constitution and strictness and prompt_file and documents["config.yml"]):
        raise PolicyError(problems)
    return Policy(
        folder=folder,
        version=version_of(contents),
        constitution=constitution,
        strictness=strictness,
        rules=Rules([rules for rules in rule_files.values() if rules], principles),
        prompts=Prompts(prompt_file.prompts, principles),
        messages=Messages(
            {language: file.messages for language, file in message_files.items() if file}
        ),
        config=documents["config.yml"],
        source=loaded["constitution.yml"],
        flows={
            file: content.decode("utf-8")
            for file, content in contents.items()
            if file.endswith(".co")
        },
    )


def version_of(contents: Mapping[str, bytes]) -> str:
    """Hash a policy folder: names and bytes of its files, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(contents):
        digest.update(f"{file}\0{len(contents[file])}\0".encode())
        digest.update(contents[file])
    return digest.hexdigest()[:12]


class _Loaded:
    """The documents that could be read, and their checked values."""

    def __init__(self, documents: Mapping[str, Document | None], problems: list[Problem]) -> None:
        self._documents = documents
        self._problems = problems

    def __getitem__(self, file: str) -> Document:
        document = self._documents[file]
        if document is None:
            raise KeyError(file)
        return document

    def file(self, file: str, model: type[Any]) -> Any:
        document = self._documents.get(file)
        if document is None:
            return None
        return validated(document, model, self._problems)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file of a policy folder that counts, by its path relative to the folder."""
    return _contents(folder, [])


def _contents(folder: Path, problems: list[Problem]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    if not folder.is_dir():
        raise PolicyError([Problem(str(folder), 0, "there is no such folder", "name another")])
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or "__pycache__" in path.parts:
            continue
        file = path.relative_to(folder).as_posix()
        if _is_known(file):
            contents[file] = path.read_bytes()
        elif path.name not in _ALONGSIDE and not _is_editors(path.name):
            problems.append(_stray(file))
    for file in (*_FILES, *(f"messages/{language}.yml" for language in LANGUAGES)):
        if file not in contents:
            problems.append(Problem(file, 0, "the file is missing", "restore it"))
            contents.setdefault(file, b"")
    return contents


def _is_yaml(file: str) -> bool:
    return file.endswith(".yml")


def _is_known(file: str) -> bool:
    parent, _, name = file.rpartition("/")
    if not parent:
        return name in _FILES
    if parent == "messages":
        return name in {f"{language}.yml" for language in LANGUAGES}
    return (parent == "rules" and name.endswith(".yml")) or (
        parent == "rails" and name.endswith(".co")
    )


def _is_editors(name: str) -> bool:
    """Whether a file is an editor's leftover: it counts for nothing."""
    return name.startswith((".#", "#", ".")) or name.endswith(("~", ".swp", ".tmp", ".bak"))


def _stray(file: str) -> Problem:
    if file.endswith(".py"):
        return Problem(file, 0, "code in a policy folder", "remove it: a policy is data only")
    if file.startswith("kb/"):
        return Problem(file, 0, "a knowledge base of NeMo's", "use `covenant kb add`")
    return Problem(file, 0, "nothing reads this file", "remove it or correct its name or ending")
