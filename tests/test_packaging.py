"""The wheel: four import packages that nobody else may own in one environment."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("chains", "guardrails", "api", "evals")
DISTRIBUTION = "covenant"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_owns_our_names(package: str) -> None:
    """`guardrails-ai` and OpenAI's `evals` install the same names and would be merged silently."""
    assert set(packages_distributions().get(package, [DISTRIBUTION])) == {DISTRIBUTION}


def test_the_wheel_holds_exactly_our_packages() -> None:
    """What is built is what is imported here, and it can never be uploaded by mistake."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]


def test_guardrails_has_no_name_that_nemo_looks_for() -> None:
    """NeMo imports `guardrails.Guard` and `guardrails.errors` where they exist."""
    for module in (ROOT / "guardrails").rglob("*.py"):
        assert module.stem not in ("errors", "hub"), module
        assert not re.search(r"^class Guard\b", module.read_text(), re.MULTILINE), module


def test_the_command_is_installed() -> None:
    """`covenant` runs our main function."""
    (command,) = entry_points(group="console_scripts", name="covenant")

    assert command.value == "api.cli.main:run"


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_starts_nothing(package: str) -> None:
    """Importing costs no heavy library and opens no socket."""
    heavy = "nemoguardrails|langchain_openai|onnxruntime|uvicorn|fastapi|ragas|numpy"
    code = (
        f"import sys, re, {package}; print([m for m in sys.modules if re.fullmatch({heavy!r}, m)])"
    )

    loaded = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert loaded.stdout.strip() == "[]"


def test_the_command_line_starts_light() -> None:
    """`covenant --help` loads neither a web framework nor NeMo nor numpy."""
    code = (
        "import sys; from api.cli.main import main; main(['--help']); "
        "print([m for m in ('nemoguardrails', 'fastapi', 'numpy', 'langchain_core') "
        "if m in sys.modules], file=sys.stderr)"
    )

    loaded = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert loaded.stderr.strip() == "[]"
