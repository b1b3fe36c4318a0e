import json
from pathlib import Path

import pytest

from api.cli import model as command
from api.cli.main import main
from chains.errors import ServiceUnavailableError
from chains.qwen.catalogue import CATALOGUE, Weights
from chains.qwen.download import Progress
from chains.qwen.weights import LocalModel


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command keeps weights."""
    monkeypatch.setenv("COVENANT_DATA_DIR", str(tmp_path))
    made = tmp_path / "models"
    made.mkdir()
    return made


def test_the_list_names_every_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All models with their size, and what to type to get one."""
    assert main(["model", "list"]) == 0

    shown = capsys.readouterr().out
    assert all(one.name in shown for one in CATALOGUE)
    assert "covenant model fetch qwen3-1.7b" in shown


def test_programs_read_the_list_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths tell which are on the disk, files of the person's own included."""
    (folder / "Qwen3-0.6B-Q8_0.gguf").write_bytes(b"GGUF")
    (folder / "mine.gguf").write_bytes(b"GGUF")

    assert main(["model", "list", "--json"]) == 0

    paths = {one["name"]: one["path"] for one in json.loads(capsys.readouterr().out)}
    assert paths["qwen3-0.6b"] == str(folder / "Qwen3-0.6B-Q8_0.gguf")
    assert paths["mine"] == str(folder / "mine.gguf")
    assert paths["qwen3-8b"] is None


def test_fetching_tells_where_the_model_is(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default model comes from the mirror that is set."""
    asked: list[tuple[str, Path, str | None]] = []

    async def fetch_weights(
        weights: Weights, into: Path, *, mirror: str | None, progress: Progress
    ) -> LocalModel:
        asked.append((weights.name, into, mirror))
        progress(weights.size)
        return LocalModel(weights.name, into / weights.file)

    monkeypatch.setattr(command, "fetch_weights", fetch_weights)
    monkeypatch.setenv("COVENANT_MODEL_MIRROR", "http://mirror")

    assert main(["model", "fetch"]) == 0
    assert main(["model", "fetch", "qwen3-4b", "--mirror", "http://other"]) == 0

    assert asked == [
        ("qwen3-1.7b", folder, "http://mirror"),
        ("qwen3-4b", folder, "http://other"),
    ]
    assert str(folder / "Qwen3-4B-Q4_K_M.gguf") in capsys.readouterr().out.replace("\n", "")


def test_being_offline_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback: a sentence, and exit code 1."""

    async def fetch_weights(*_args: object, **_options: object) -> LocalModel:
        raise ServiceUnavailableError("It could not be fetched.")

    monkeypatch.setattr(command, "fetch_weights", fetch_weights)

    assert main(["model", "fetch"]) == 1
    assert capsys.readouterr().err == "covenant model: It could not be fetched.\n"


def test_wrong_names_are_wrong_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that does not exist is exit code 2, one that is not on the disk 1."""
    assert main(["model", "fetch", "gpt-5"]) == 2
    assert "qwen3-1.7b" in capsys.readouterr().err
    assert main(["model", "remove", "qwen3-8b"]) == 1


def test_removing_tells_what_is_free_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is gone."""
    (folder / "mine.gguf").write_bytes(b"GGUF")

    assert main(["model", "remove", "mine"]) == 0

    assert not (folder / "mine.gguf").exists()
    assert "Removed mine" in capsys.readouterr().out
