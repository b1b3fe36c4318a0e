"""`covenant keys`: the keys that sign tokens."""

from typing import Annotated

import typer

from api.keys import Keys
from api.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Rotate signing keys.")


@app.callback()
def _group() -> None:
    """Keep `rotate` a command of its own while there is only one."""


@app.command()
def rotate(
    drop_old: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option(
            "--drop-old", help="Forget all older keys, as after a leak: every token ends now."
        ),
    ] = False,
) -> None:
    """Make a new signing key; running services use it within a second.

    Tokens signed before stay good until they expire, so no session ends.
    """
    key = Keys(load_settings().data_dir).rotate(drop=drop_old)
    print(f"Key {key.kid} signs from now on.")
    if drop_old:
        print("All older keys are gone: every token made before is refused.")
