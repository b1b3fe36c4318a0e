import re
from dataclasses import replace
from pathlib import Path

import pytest

from chains.errors import BadRequestError, NotFoundError
from chains.qwen import weights as weights_module
from chains.qwen.catalogue import CATALOGUE, DEFAULT, named
from chains.qwen.weights import LocalModel, find_local_model, installed, remove_weights

TINY = tuple(replace(one, size=4 + position) for position, one in enumerate(CATALOGUE))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for weights that are a few bytes long."""
    monkeypatch.setattr(weights_module, "CATALOGUE", TINY)
    monkeypatch.setattr(
        weights_module, "named", lambda name: next((o for o in TINY if o.name == name), None)
    )
    return tmp_path


def put(folder: Path, name: str) -> Path:
    """Put the weights of that name into the folder."""
    one = next(one for one in TINY if one.name == name)
    path = folder / one.file
    path.write_bytes(b"GGUF!!!!"[: one.size])
    return path


def test_the_catalogue_is_consistent() -> None:
    """Names are unique, checksums are SHA-256, and every revision is a commit."""
    assert len({one.name for one in CATALOGUE}) == len({one.sha256 for one in CATALOGUE}) == 4
    for one in CATALOGUE:
        assert re.fullmatch(r"[0-9a-f]{64}", one.sha256)
        assert re.fullmatch(r"[0-9a-f]{40}", one.revision)
        assert one.memory > one.size
    assert named("QWEN3-1.7B") is DEFAULT
    assert named("gpt") is None


def test_the_preferred_weights_are_found(folder: Path) -> None:
    """Of what has been fetched the catalogue's first is taken; without any there are none."""
    assert find_local_model(folder) is None

    put(folder, "qwen3-4b")
    assert find_local_model(folder) == LocalModel("qwen3-4b", folder / "Qwen3-4B-Q4_K_M.gguf")

    put(folder, "qwen3-1.7b")
    found = find_local_model(folder)
    assert found is not None
    assert found.name == "qwen3-1.7b"


def test_a_name_or_a_path_chooses(folder: Path) -> None:
    """A wanted name that was not fetched is not replaced, and a path is taken as it is."""
    put(folder, "qwen3-1.7b")
    own = folder / "my-qwen.gguf"
    own.write_bytes(b"GGUF....")

    assert find_local_model(folder, "qwen3-4b") is None
    assert find_local_model(folder, str(own)) == LocalModel("my-qwen", own)


def test_wrong_choices_are_explained(folder: Path) -> None:
    """A name of nothing, and a file of another kind."""
    (folder / "text.gguf").write_text("hello")

    with pytest.raises(BadRequestError, match=r"qwen3-1\.7b"):
        find_local_model(folder, "qwen9")
    with pytest.raises(BadRequestError, match="no GGUF"):
        find_local_model(folder, str(folder / "text.gguf"))


def test_a_file_of_the_wrong_size_is_not_used(folder: Path) -> None:
    """What somebody cut is as good as not there."""
    put(folder, "qwen3-1.7b").write_bytes(b"GG")

    assert find_local_model(folder) is None


def test_everything_on_disk_is_listed(folder: Path) -> None:
    """Fetched weights by their name, other files by theirs, partial ones not at all."""
    put(folder, "qwen3-0.6b")
    (folder / "mine.gguf").write_bytes(b"GGUF")
    (folder / "x.gguf.part").write_bytes(b"GG")

    assert [model.name for model in installed(folder)] == ["qwen3-0.6b", "mine"]
    assert installed(folder / "nowhere") == ()


def test_removing_frees_the_disk(folder: Path) -> None:
    """Weights, and what an interrupted download left, are deleted."""
    path = put(folder, "qwen3-0.6b")
    part = folder / f"{path.name}.part"
    part.write_bytes(b"123")

    assert remove_weights(folder, "qwen3-0.6b") == path_size("qwen3-0.6b") + 3
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFoundError):
        remove_weights(folder, "qwen3-0.6b")


def path_size(name: str) -> int:
    """Bytes of the tiny weights."""
    return next(one.size for one in TINY if one.name == name)
