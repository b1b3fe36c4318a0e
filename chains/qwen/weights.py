"""Qwen weights on this machine's disk: which there are, which to use, removing them."""

from dataclasses import dataclass
from pathlib import Path

from chains.errors import BadRequestError, NotFoundError
from chains.qwen.catalogue import CATALOGUE, Weights, named

_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A GGUF file that can be served."""

    name: str
    """Its name in the catalogue, or its file's without the ending."""
    path: Path


def find_local_model(folder: Path, wanted: str | None = None) -> LocalModel | None:
    """Find the weights to serve.

    Args:
        folder: Where fetched weights are kept.
        wanted: A name of the catalogue or the path of a GGUF file; the best preference if None.

    Returns:
        The weights; None where they have not been fetched yet.

    Raises:
        BadRequestError: `wanted` names nothing that could be served.
    """
    if wanted is None:
        fetched = (_fetched(folder, weights) for weights in CATALOGUE)
        return next((one for one in fetched if one is not None), None)
    weights = named(wanted)
    if weights is not None:
        return _fetched(folder, weights)
    path = Path(wanted).expanduser()
    if not path.is_file():
        names = ", ".join(one.name for one in CATALOGUE)
        raise BadRequestError(f"There is no file {wanted}, and no such model: there are {names}.")
    if not is_gguf(path):
        raise BadRequestError(f"{wanted} is no GGUF file.")
    return LocalModel(path.stem, path)


def installed(folder: Path) -> tuple[LocalModel, ...]:
    """Every GGUF file in the folder, fetched or put there by somebody."""
    known = {weights.file: weights.name for weights in CATALOGUE}
    if not folder.is_dir():
        return ()
    files = sorted(path for path in folder.glob("*.gguf") if path.is_file())
    return tuple(LocalModel(known.get(path.name, path.stem), path) for path in files)


def remove_weights(folder: Path, name: str) -> int:
    """Delete weights, and what an interrupted download left of them.

    Returns:
        The bytes that are free again.

    Raises:
        NotFoundError: There are none of that name.
    """
    weights = named(name)
    paths = [model.path for model in installed(folder) if model.name == name.casefold()]
    if weights is not None:
        paths.append(part_path(folder, weights))
    freed = 0
    for path in paths:
        if path.is_file():
            freed += path.stat().st_size
            path.unlink()
    if not freed:
        raise NotFoundError(f"There are no weights named {name} in {folder}.")
    return freed


def is_gguf(path: Path) -> bool:
    """Whether a file begins as GGUF files do."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def part_path(folder: Path, weights: Weights) -> Path:
    """Where a download is kept until it is complete and verified."""
    return folder / f"{weights.file}.part"


def _fetched(folder: Path, weights: Weights) -> LocalModel | None:
    path = folder / weights.file
    # Verified when it was fetched; hashing gigabytes at every start would delay it by seconds.
    if path.is_file() and path.stat().st_size == weights.size:
        return LocalModel(weights.name, path)
    return None
