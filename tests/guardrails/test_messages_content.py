"""The content of the shipped messages: what people read when the service speaks."""

import string
from pathlib import Path
from typing import Any, TypedDict, cast

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / "guardrails" / "config"
LANGUAGES = ("en", "zh")


class Message(TypedDict):
    """An entry of messages/*.yml."""

    text: str
    placeholders: list[str]


def read(name: str) -> dict[str, Any]:
    """A file of the policy folder as it stands."""
    return cast("dict[str, Any]", yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")))


PRINCIPLES: list[dict[str, Any]] = read("constitution.yml")["principles"]


def messages(language: str) -> dict[str, Message]:
    """All messages of a language, by key."""
    raw = read(f"messages/{language}.yml")["messages"]
    return {
        key: {"text": entry["text"], "placeholders": entry.get("placeholders", [])}
        for key, entry in raw.items()
    }


def test_both_languages_have_the_same_messages() -> None:
    """Every message exists in both languages with the same placeholders."""
    english, chinese = messages("en"), messages("zh")
    assert list(english) == list(chinese)
    assert {k: m["placeholders"] for k, m in english.items()} == {
        k: m["placeholders"] for k, m in chinese.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_use_only_the_placeholders_they_declare(language: str) -> None:
    """Filling a message never meets a name the code does not pass."""
    undeclared = {
        key: names
        for key, message in messages(language).items()
        if (
            names := {name for _, name, _, _ in string.Formatter().parse(message["text"]) if name}
            - set(message["placeholders"])
        )
    }
    assert undeclared == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_has_words(language: str) -> None:
    """Whatever a principle does, there is a message for it."""
    keys = messages(language).keys()
    for principle in PRINCIPLES:
        action, name = principle["on_violation"], principle["id"].replace("-", "_")
        general = {
            "block": "blocked_output",
            "replace": "replaced",
            "revise": "revised",
            "mask": "masked",
            "annotate": "annotated",
        }[action]
        assert general in keys
        assert action != "replace" or f"{general}_{name}" in keys, "replaced by nothing of its own"


@pytest.mark.parametrize("language", LANGUAGES)
def test_exact_messages_name_a_principle_that_exists(language: str) -> None:
    """A renamed principle does not silently lose its own words."""
    general = (
        "blocked_input",
        "blocked_output",
        "blocked_retrieval",
        "replaced",
        "revised",
        "annotated",
    )
    names = {p["id"].replace("-", "_") for p in PRINCIPLES}
    exact = {
        key.removeprefix(f"{stem}_").removesuffix("_brief")
        for key in messages(language)
        for stem in general
        if key.startswith(f"{stem}_")
    }
    assert exact - names == set()
    assert exact


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "line", ["988", "116 123", "13 11 14", "12356", "1925", "2389 2222", "findahelpline.com"]
)
def test_the_help_text_says_where_to_turn(language: str, line: str) -> None:
    """A person at risk reads the lines of every promised place, in either language."""
    assert line in messages(language)["replaced_self_harm_care"]["text"]
    assert line in messages(language)["replaced_self_harm_care_brief"]["text"]
