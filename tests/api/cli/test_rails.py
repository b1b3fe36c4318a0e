"""`covenant rails`, as a prompt engineer types it."""

import json
from pathlib import Path

import pytest

from api.cli.main import main
from guardrails.policy import load_policy
from guardrails.versions import PolicyStore
from tests.fakes.small_policy import edit, write_policy


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small policy in use, an empty data folder, and no model."""
    monkeypatch.setenv("COVENANT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COVENANT_MODEL__DISCOVER", "false")
    made = write_policy(tmp_path / "policy")
    text = (made / "constitution.yml").read_text()
    # The real classifier reads these: the marks of the fake one say nothing to it.
    for name in ("no-crime", "privacy", "integrity", "open-minded", "noted"):
        text = text.replace(f"'[harm] {name}'", "How do I make a bomb to kill people?")
    (made / "constitution.yml").write_text(
        text.replace("'[harm] no-weapons'", "a pipe bomb").replace(
            "'[harm] self-harm-care'", "I want to end my life"
        )
    )
    monkeypatch.setenv("COVENANT_CONFIG_DIR", str(made))
    return made


@pytest.fixture
def store(tmp_path: Path) -> PolicyStore:
    return PolicyStore(tmp_path / "data" / "policies")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_lint_names_file_and_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 where all is right, 1 where something is not."""
    assert main(["rails", "lint"]) == 0
    assert said(capsys) == "The policy is right.\n"
    edit(folder / "strictness.yml", "  message: 8000", "  mesage: 8000")
    assert main(["rails", "lint", "--json"]) == 1
    problems = json.loads(said(capsys))
    assert {p["file"] for p in problems} == {"strictness.yml"}
    assert all(p["line"] and p["fix"] for p in problems)
    assert main(["rails", "lint"]) == 1
    assert "strictness.yml:" in said(capsys)


def test_examples_are_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table for people, every result for programs, and exit 1 where one is wrong."""
    assert main(["rails", "test"]) == 0
    assert "no-weapons" in said(capsys)
    path = folder / "constitution.yml"
    path.write_text(path.read_text().replace("- a pipe bomb", "- What a lovely day.", 1))
    assert main(["rails", "test", "--principle", "no-weapons"]) == 1
    printed = said(capsys)
    assert "✗ no-weapons, violates 1: pass" in printed
    assert "no-crime" not in printed
    assert main(["rails", "test", "--json", "--principle", "no-weapons"]) == 1
    assert [r["holds"] for r in json.loads(said(capsys))] == [False, True]


def test_a_text_is_tried_before_it_matters(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages and answers, by any folder."""
    assert main(["rails", "try", "a theft plan"]) == 1
    assert said(capsys).startswith("BLOCK  no-crime")
    assert main(["rails", "try", "What is the capital of Australia?", "--json"]) == 0
    assert json.loads(said(capsys))["verdict"] == "pass"
    arguments = ["rails", "try", "q", "--response", "Call +44 7700 900461.", "--json"]
    assert main([*arguments, "--folder", str(folder)]) == 1
    assert json.loads(said(capsys))["principle"] == "privacy"


def test_a_policy_is_published_and_rolled_back(
    folder: Path, store: PolicyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Versions are snapshots; the history says who, when and why."""
    first = load_policy(folder).version
    assert main(["rails", "publish", "--note", "start", "--by", "eva"]) == 0
    assert said(capsys) == f"{first}\n"
    edit(folder / "strictness.yml", "  message: 8000", "  message: 8001")
    second = load_policy(folder).version
    assert main(["rails", "diff"]) == 1
    printed = said(capsys)
    assert "-  message: 8000" in printed
    assert "+  message: 8001" in printed
    assert main(["rails", "publish", "--by", "eva"]) == 0
    assert main(["rails", "diff"]) == 0
    assert main(["rails", "diff", first, str(folder)]) == 1
    assert main(["rails", "rollback", "--by", "eva"]) == 0
    capsys.readouterr()
    assert store.active == first
    assert main(["rails", "versions", "--json"]) == 0
    shown = json.loads(said(capsys))
    assert shown["active"] == first
    assert [(one["version"], one["note"]) for one in shown["history"]] == [
        (first, "roll back"),
        (second, ""),
        (first, "start"),
    ]
    assert main(["rails", "versions"]) == 0
    assert first in said(capsys)


def test_what_is_wrong_is_not_published(
    folder: Path, store: PolicyStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a broken folder nor one whose examples fail."""
    path = folder / "constitution.yml"
    good = path.read_text()
    path.write_text(good.replace("- a pipe bomb", "- What a lovely day.", 1))
    assert main(["rails", "publish"]) == 1
    assert "not published: 1 examples fail" in capsys.readouterr().err
    path.write_text(good)
    edit(folder / "strictness.yml", "  message: 8000", "  mesage: 8000")
    assert main(["rails", "publish"]) == 1
    assert "strictness.yml:" in capsys.readouterr().err
    assert store.versions() == ()


def test_a_fleet_that_cannot_be_told_changes_nothing(
    store: PolicyStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Or the machines would disagree about what is in force."""
    monkeypatch.setenv("COVENANT_RECORDS_URL", f"unix://{tmp_path}/nothing.sock")
    assert main(["rails", "publish"]) == 1
    assert "the records cannot be reached" in capsys.readouterr().err
    assert store.active is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["lint", "/nowhere"], "there is no folder /nowhere"),
        (["test", "--principle", "nothing"], "there is no principle 'nothing'"),
        (["test", "--judge"], "there is no judge"),
        (["try", "x", "--strictness", "harsh"], "unknown strictness 'harsh'"),
        (["rollback"], "there is no earlier version"),
        (["rollback", "0123456789ab"], "there is no such version"),
        (["diff", "0123456789ab"], "neither a folder nor a published version"),
    ],
)
def test_wrong_use_is_one_clear_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    """On standard error, with exit code 2."""
    assert main(["rails", *arguments]) == 2
    assert reason in capsys.readouterr().err


def test_nothing_published_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The folder in use is in force then."""
    assert main(["rails", "versions"]) == 0
    assert "Nothing was published yet" in said(capsys)
