"""`covenant model`: fetch, list and remove the weights of the embedded Qwen."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from api.places import weights_folder
from api.settings import load_settings
from chains.errors import BadRequestError
from chains.qwen.catalogue import CATALOGUE, DEFAULT, Weights, named
from chains.qwen.download import fetch_weights
from chains.qwen.weights import installed, remove_weights

app = typer.Typer(
    help="Fetch, list and remove embedded Qwen models.", no_args_is_help=True, add_completion=False
)

_Name = Annotated[str, typer.Argument(help="A name that `covenant model list` shows.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command("list")
def list_models(*, as_json: _Json = False) -> None:
    """Show the models that can be fetched, and those that are on the disk."""
    folder = weights_folder(load_settings())
    here = {model.name: model.path for model in installed(folder)}
    rows = [(one.name, one.size, here.get(one.name), one.summary, one.memory) for one in CATALOGUE]
    known = {one.name for one in CATALOGUE}
    rows += [
        (name, path.stat().st_size, path, "a file of your own", 0)
        for name, path in here.items()
        if name not in known
    ]
    if as_json:
        fields = ("name", "bytes", "path", "summary", "memory_bytes")
        found = [dict(zip(fields, row, strict=True)) for row in rows]
        print(json.dumps(found, default=str, indent=2))
        return
    for name, size, path, summary, _memory in rows:
        mark = "on disk" if path else "       "
        print(f"{name:<12} {size / 1e9:5.1f} GB  {mark}  {summary}")
    if not here:
        print(f"\nNone is on the disk. Fetch one with: covenant model fetch {DEFAULT.name}")


@app.command()
def fetch(
    name: _Name = DEFAULT.name,
    *,
    mirror: Annotated[
        str | None, typer.Option(help="Another hub, laid out like https://huggingface.co.")
    ] = None,
) -> None:
    """Fetch a model; an interrupted download goes on where it stopped."""
    settings = load_settings()
    weights = named(name)
    if weights is None:
        names = ", ".join(one.name for one in CATALOGUE)
        raise BadRequestError(f"There is no model {name}. There are {names}.")
    folder = weights_folder(settings)
    path = fetch_with_progress(weights, folder, mirror=mirror or settings.model_mirror)
    print(f"{weights.name} is at {path}.")


def fetch_with_progress(weights: Weights, folder: Path, *, mirror: str | None) -> Path:
    """Fetch weights and show how far it is.

    Raises:
        CovenantError: As `chains.qwen.download.fetch_weights` does.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task(weights.name, total=weights.size)
        model = asyncio.run(
            fetch_weights(
                weights,
                folder,
                mirror=mirror,
                progress=lambda done: bar.update(task, completed=done),
            )
        )
    return model.path


@app.command()
def remove(name: _Name) -> None:
    """Delete a model from the disk."""
    freed = remove_weights(weights_folder(load_settings()), name)
    print(f"Removed {name}: {freed / 1e9:.1f} GB are free again.")
