"""House rules that no linter knows."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXEMPTION = re.compile(
    r"#\s*(noqa|type:\s*ignore)(?P<codes>[:\[][^\s#]*(?:\s*,\s*[A-Z]+\d+)*)?(?P<rest>.*)"
)


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_test_says_what_it_shows() -> None:
    """Each test states one behaviour in a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and path.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_every_exemption_has_its_code_and_reason() -> None:
    """A `noqa` or `type: ignore` names what it silences and why."""
    bare = []
    for path in python_files("chains", "guardrails", "api", "evals", "tests"):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            match = EXEMPTION.search(line)
            if match and not (match["codes"] and re.search(r"\w{3}", match["rest"])):
                bare.append(f"{path.relative_to(ROOT)}:{number}")

    assert bare == []


def test_no_module_is_a_drawer() -> None:
    """No module is named for being a collection of leftovers."""
    drawers = {"utils", "util", "helpers", "common", "misc"}

    assert [
        p for p in python_files("chains", "guardrails", "api", "evals") if p.stem in drawers
    ] == []
