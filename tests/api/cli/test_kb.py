import io
import json
import sys
from pathlib import Path

import pytest

from api.cli.main import main


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data directory and a guide of its own for each test."""
    guide = tmp_path / "knowledge"
    guide.mkdir()
    (guide / "privacy.md").write_text("# Privacy\n\nConversations are erased after 12 hours.\n")
    monkeypatch.setenv("COVENANT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COVENANT_KNOWLEDGE_DIR", str(guide))


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "zebra.md").write_text("# Zebras\n\nZebras eat grass.\n")
    return folder


def give(monkeypatch: pytest.MonkeyPatch, *lines: object) -> None:
    """Have these lines on standard input; what is no text is written as JSON."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_documents_are_added_and_found(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was added is found by a search, with place, score and text."""
    assert main(["kb", "add", str(docs)]) == 0
    assert main(["kb", "search", "what do zebras eat"]) == 0

    out = capsys.readouterr().out
    assert "1 added" in out
    assert "docs/zebra.md" in out
    assert "Zebras eat grass." in out


def test_the_guide_is_found_without_being_added(capsys: pytest.CaptureFixture[str]) -> None:
    """A search in a fresh data directory indexes the shipped documents first."""
    assert main(["kb", "search", "when are conversations erased", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["hits"][0]["doc_id"] == "guide/privacy.md"
    assert found["hits"][0]["score"] >= found["least_score"]


def test_a_weak_hit_is_named_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """What the bot would not take for an answer is told apart."""
    question = "hours of sunshine and rainfall measured in northern Norway last winter"

    assert main(["kb", "search", question]) == 0

    assert "would not find" in capsys.readouterr().out


def test_nothing_found_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    """A search without any hit says so and is not a success."""
    assert main(["kb", "search", "quark"]) == 1

    assert "No passage" in capsys.readouterr().out


def test_bad_files_are_named(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files that cannot be read are told with their reason; the rest is indexed."""
    (docs / "broken.md").write_bytes(b"\x00")

    assert main(["kb", "add", str(docs)]) == 1

    captured = capsys.readouterr()
    assert "1 added" in captured.out
    assert "broken.md: It is not text." in captured.err


def test_sync_and_remove_follow_the_files(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Deleted files leave the index, removed folders are forgotten; --json tells counts."""
    main(["kb", "add", str(docs)])
    (docs / "lion.md").write_text("Lions.")
    (docs / "zebra.md").unlink()
    capsys.readouterr()

    assert main(["kb", "sync", "--json"]) == 0
    synced = json.loads(capsys.readouterr().out)
    assert (synced["added"], synced["removed"], synced["failures"]) == (2, 1, [])
    assert main(["kb", "remove", "docs"]) == 0
    assert "1 removed" in capsys.readouterr().out
    assert main(["kb", "remove", "docs"]) == 2


def test_lines_go_in_and_hits_come_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs add documents as lines and get one line for each query, one hit a document."""
    give(
        monkeypatch,
        {"doc_id": "a", "title": "", "text": "Zebras eat grass.\n\n" + "Zebras run. " * 200},
        {"doc_id": 7, "title": "Lions", "text": "Lions eat zebras."},
    )
    assert main(["kb", "add", "--jsonl"]) == 0
    capsys.readouterr()
    give(monkeypatch, {"id": "q1", "query": "zebras"}, "", {"id": 2, "query": "quark"})

    assert main(["kb", "search", "--jsonl", "--top", "2"]) == 0

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["id"] == "q1"
    assert sorted(hit["doc_id"] for hit in first["hits"]) == ["7", "a"]
    assert first["hits"][0]["score"] >= first["hits"][1]["score"]
    assert second == {"id": 2, "hits": []}


def test_lines_are_read_from_files_too(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --jsonl, paths are files of lines."""
    lines = docs / "lines.jsonl"
    lines.write_text('{"doc_id": "a", "text": "Giraffes."}\n')

    assert main(["kb", "add", "--jsonl", str(lines)]) == 0
    assert "1 added" in capsys.readouterr().out
    assert main(["kb", "add", "--jsonl", str(docs / "missing.jsonl")]) == 2


def test_wrong_lines_are_named_by_their_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong line is skipped with a reason, and the exit code tells of it."""
    give(monkeypatch, "{", "[]", {"doc_id": "a"}, {"doc_id": "b", "text": "Good."}, {"text": "x"})

    assert main(["kb", "add", "--jsonl"]) == 1

    captured = capsys.readouterr()
    assert "1 added" in captured.out
    assert [line.split(": ")[0] for line in captured.err.splitlines()] == [
        "skipped line 1",
        "skipped line 2",
        "skipped line 3",
        "skipped line 5",
    ]


def test_a_wrong_query_is_answered_in_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines keep their order: a wrong one is answered with an error and no hits."""
    give(monkeypatch, {"id": 1}, {"id": 2, "query": "conversations"})

    assert main(["kb", "search", "--jsonl"]) == 1

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["id"], first["hits"], first["error"]) == (1, [], "has no text in query")
    assert second["hits"]


def test_stats_show_what_is_indexed(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Documents, passages and roots are counted, for people and for programs."""
    main(["kb", "add", str(docs)])
    capsys.readouterr()

    assert main(["kb", "stats", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["documents"], found["passages"]) == (2, 2)
    assert [(root["name"], root["documents"]) for root in found["roots"]] == [
        ("guide", 1),
        ("docs", 1),
    ]
    assert main(["kb", "stats"]) == 0
    assert "2 passages of 2 documents" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["add"],
        ["search"],
        ["search", "x", "--jsonl"],
        ["add", "/nowhere"],
        ["search", "x", "--top", "0"],
    ],
)
def test_wrong_use_is_exit_code_2(words: list[str]) -> None:
    """Missing or contradicting arguments are refused."""
    assert main(["kb", *words]) == 2
