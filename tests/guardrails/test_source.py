"""Reading YAML strictly, with lines."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from guardrails.source import Problem, parse_yaml, read_yaml, validated


def parsed(text: str) -> tuple[object, list[Problem]]:
    problems: list[Problem] = []
    document = parse_yaml(text, "a.yml", problems)
    return (document.value if document else None), problems


def test_off_and_no_are_words() -> None:
    """`off` is a strictness and not a boolean, as YAML 1.2 has it."""
    assert parsed("{off: no, b: true}") == ({"off": "no", "b": True}, [])


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands twice, first on line 1"),
        ("a:\n  - b: 1\n    b: 2\n", 3, "'b' stands twice, first on line 2"),
        ("a: [1\nb: 2\n", 2, "is no YAML"),
        ("", 1, "the file is empty"),
        ("a: &x\n  b: *x\n", 1, "refers to itself"),
        ("a: !!python/object:os.system x\n", 1, "is no YAML"),
    ],
)
def test_what_yaml_would_swallow_is_told(text: str, line: int, what: str) -> None:
    """A key that stands twice, broken syntax and code are errors with their line."""
    _, problems = parsed(text)
    assert [(p.line, what in p.what) for p in problems][:1] == [(line, True)]


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path: Path) -> None:
    """Reading never raises; it reports."""
    (tmp_path / "b.yml").write_bytes(b"\xff\xfe\x00")
    problems: list[Problem] = []
    assert read_yaml(tmp_path, "a.yml", problems) is None
    assert read_yaml(tmp_path, "b.yml", problems) is None
    assert [p.what for p in problems] == [
        "the file is missing",
        "cannot be read: UnicodeDecodeError",
    ]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    sizes: list[int] = []


def test_a_wrong_shape_is_told_with_its_line() -> None:
    """Each mistake names key, line and fix, and never the value."""
    problems: list[Problem] = []
    document = parse_yaml("nmae: x\nsizes:\n  - 1\n  - secret\n", "a.yml", problems)
    assert document is not None
    assert validated(document, Shape, problems) is None
    assert [(p.line, p.what.partition(":")[0]) for p in sorted(problems)] == [
        (1, "'name' is missing"),
        (1, "unknown key 'nmae'"),
        (4, "'sizes.1'"),
    ]
    assert "secret" not in "".join(map(str, problems))


def test_a_problem_reads_like_a_compilers() -> None:
    """File, line, what, fix."""
    assert str(Problem("a.yml", 3, "wrong", "right it")) == "a.yml:3: wrong (right it)"
    assert str(Problem("a.yml", 0, "wrong")) == "a.yml: wrong"
