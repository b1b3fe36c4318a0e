"""The content of the shipped constitution: what a loader cannot know."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal, cast

import pytest
import yaml
from jsonschema import Draft202012Validator

from guardrails.principles import Principle

CONFIG = Path(__file__).parents[2] / "guardrails" / "config"

Kind = Literal["violates", "allowed"]
KINDS: tuple[Kind, ...] = ("violates", "allowed")
LANGUAGES = ("en", "zh")

PRINCIPLES_THAT_SHIP = (
    "no-weapons",
    "no-crime",
    "child-safety",
    "no-hate",
    "no-sexual-content",
    "self-harm-care",
    "privacy",
    "honesty",
    "no-professional-harm",
    "integrity",
    "identity",
    "no-malware",
)
QWEN3GUARD_CATEGORIES = (
    "Violent",
    "Non-violent Illegal Acts",
    "Sexual Content or Sexual Acts",
    "PII",
    "Suicide & Self-Harm",
    "Unethical Acts",
    "Politically Sensitive Topics",
    "Copyright Violation",
    "Jailbreak",
)
# Each with at least this many examples of both kinds.
FEWEST = {"en": 10, "zh": 5}
CJK = re.compile(r"[\u3400-\u9fff]")
# Sentences that only a reader of that language sees hold no Latin words but names and numbers.
LATIN_WORDS = re.compile(r"[A-Za-z]+ [A-Za-z]+ [A-Za-z]+ [A-Za-z]+")
# What a folded YAML scalar does to Chinese: a space at every line break.
TORN = re.compile(r"[\u3000-\u9fff\uff00-\uffef]\s+[\u3000-\u9fff\uff00-\uffef]")


def constitution() -> dict[str, Any]:
    """The file as it stands; its shape is under test."""
    text = (CONFIG / "constitution.yml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


PRINCIPLES: list[dict[str, Any]] = constitution()["principles"]
EACH_PRINCIPLE = pytest.mark.parametrize("principle", PRINCIPLES, ids=lambda p: str(p["id"]))


def exchange_of(example: str | dict[str, str]) -> tuple[str, str | None]:
    """The message and, where the example has one, the answer."""
    return (
        (example, None) if isinstance(example, str) else (example["input"], example.get("output"))
    )


def language_of(example: str | dict[str, str]) -> str:
    """The language an example counts for."""
    if isinstance(example, dict) and "lang" in example:
        return example["lang"]
    return "zh" if CJK.search(exchange_of(example)[0]) else "en"


def schema_errors(document: object) -> list[str]:
    """Where the document breaks the schema, as JSON paths."""
    schema = json.loads((CONFIG / "constitution.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(document)]


def test_the_principles_that_are_promised_ship_in_their_order() -> None:
    """All twelve principles are there, once each."""
    assert tuple(p["id"] for p in PRINCIPLES) == PRINCIPLES_THAT_SHIP


def test_the_constitution_satisfies_its_schema() -> None:
    """The shipped file has no error an editor would underline."""
    assert schema_errors(constitution()) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"titel": {"en": "a", "zh": "b"}}, "$.principles[0]"),
        ({"title": {"en": "English only"}}, "$.principles[0].title"),
        ({"on_violation": "blok"}, "$.principles[0].on_violation"),
        ({"review": "5%"}, "$.principles[0].review"),
        ({"min_strictness": "monitor"}, "$.principles[0].min_strictness"),
        ({"on_error": "open"}, "$.principles[0].on_error"),
        ({"maps_to": {"qwen3guard": ["Violence"]}}, "$.principles[0].maps_to.qwen3guard[0]"),
        ({"examples": {"violates": ["x"]}}, "$.principles[0].examples"),
        (
            {"examples": {"violates": [{"output": "x"}], "allowed": ["y"]}},
            "$.principles[0].examples.violates[0]",
        ),
    ],
)
def test_the_schema_underlines_a_mistake(change: dict[str, object], path: str) -> None:
    """A misspelt key, a missing language or a weakened critical principle is an error."""
    document = constitution()
    assert document["principles"][0]["severity"] == "critical"
    document["principles"][0] |= change
    assert schema_errors(document) == [path]


def test_the_schema_describes_every_field() -> None:
    """An editor has a sentence to show for each field of a principle."""
    schema = json.loads((CONFIG / "constitution.schema.json").read_text(encoding="utf-8"))
    fields = schema["$defs"]["principle"]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_schema_and_the_loader_know_the_same_fields() -> None:
    """What an editor completes is what loading accepts, field by field and value by value."""
    definitions = json.loads((CONFIG / "constitution.schema.json").read_text(encoding="utf-8"))
    edited = definitions["$defs"]["principle"]
    assert edited["properties"].keys() == Principle.model_fields.keys()
    assert set(edited["required"]) == {
        name for name, field in Principle.model_fields.items() if field.is_required()
    }
    loaded = Principle.model_json_schema()
    for name in ("severity", "on_error", "min_strictness", "on_violation"):
        values = loaded["properties"][name]
        values = loaded["$defs"][values["$ref"].rpartition("/")[2]] if "$ref" in values else values
        assert set(edited["properties"][name]["enum"]) == set(values["enum"])


def test_editors_find_the_schema() -> None:
    """The first line of the constitution names a schema that exists."""
    first = (CONFIG / "constitution.yml").read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named is not None
    assert (CONFIG / named.group(1)).is_file()


@EACH_PRINCIPLE
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_principle_has_enough_examples(
    principle: dict[str, Any], kind: Kind, language: str
) -> None:
    """Each principle shows both sides of its line in both languages."""
    found = [e for e in principle["examples"][kind] if language_of(e) == language]
    assert len(found) >= FEWEST[language]


def test_no_example_is_both_violating_and_allowed() -> None:
    """Nothing one principle forbids is another's example of what is fine."""

    def normalised(kind: Kind) -> Counter[tuple[str, str | None]]:
        return Counter(
            (question.casefold().strip(), answer.casefold().strip() if answer else None)
            for p in PRINCIPLES
            for question, answer in map(exchange_of, p["examples"][kind])
        )

    violating, allowed = normalised("violates"), normalised("allowed")
    assert violating.keys() & allowed.keys() == set()
    assert [e for e, n in (violating + allowed).items() if n > 1] == []


@EACH_PRINCIPLE
def test_examples_are_short_enough_to_read(principle: dict[str, Any]) -> None:
    """An example is a line, not a manual."""
    examples = [exchange_of(e) for kind in KINDS for e in principle["examples"][kind]]
    assert [q for q, a in examples if len(q) > 160 or len(a or "") > 240] == []


@EACH_PRINCIPLE
def test_a_principle_is_tested_where_it_applies(principle: dict[str, Any]) -> None:
    """A principle for answers has violating answers, one that stops messages has messages."""
    answers = [exchange_of(e)[1] for e in principle["examples"]["violates"]]
    if "input" in principle["applies_to"]:
        assert None in answers
    else:
        assert None not in answers


@EACH_PRINCIPLE
def test_both_languages_are_what_they_say(principle: dict[str, Any]) -> None:
    """English text holds no Chinese and Chinese text is Chinese."""
    texts = [
        principle[k] for k in ("title", "summary", "text", "critique", "revision") if k in principle
    ]
    english = [t["en"] for t in texts] + principle["alternatives"]["en"]
    chinese = [t["zh"] for t in texts] + principle["alternatives"]["zh"]
    assert [t for t in english if CJK.search(t)] == []
    assert [t for t in chinese if not CJK.search(t) or LATIN_WORDS.search(t)] == []
    assert [t for t in chinese if TORN.search(t)] == []


def test_every_category_of_the_guard_model_means_one_principle() -> None:
    """No unsafe verdict of Qwen3Guard is without a principle, and none means two."""
    mapped = Counter(c for p in PRINCIPLES for c in p["maps_to"]["qwen3guard"])
    assert mapped == Counter(QWEN3GUARD_CATEGORIES)
