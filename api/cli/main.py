"""The `covenant` command: one entry point, each command's module imported when it is called.

`covenant --help` imports neither a web framework nor NeMo nor numpy. A command module exposes
`app` (a `typer.Typer`, for a group) or `command` (a function, for a plain command).
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from types import ModuleType

import typer

from api.settings import SettingsError
from chains.errors import BadRequestError, CovenantError

GOOD, FOUND, WRONG_USE = 0, 1, 2
"""Exit codes: all is well; something was found or failed; wrong use."""

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("api.cli.up", "Start what is missing, then the service; print where it is."),
    "serve": ("api.cli.serve", "Run the service alone, for containers."),
    "doctor": ("api.cli.doctor", "Say what was found, what is missing, what to type next."),
    "check": ("api.cli.check", "Run the rails alone on a text or on JSON lines."),
    "rails": ("api.cli.rails", "Lint, test, try, publish and roll back the policy."),
    "kb": ("api.cli.kb", "Add to, sync and search the knowledge base."),
    "model": ("api.cli.model", "Fetch, list and remove embedded Qwen models."),
    "token": ("api.cli.token", "Issue and revoke staff tokens."),
    "keys": ("api.cli.keys", "Rotate the keys that sign tokens."),
}
"""Name → (module, its line in the help)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `covenant`; the process's own where None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return GOOD if words else WRONG_USE
    if words[0] in ("-V", "--version"):
        print(f"covenant {importlib.metadata.version('covenant')}")
        return GOOD
    if words[0] not in COMMANDS:
        print(f"covenant: there is no command '{words[0]}'. Try: covenant --help", file=sys.stderr)
        return WRONG_USE
    return _run(*words)


def _run(name: str, *rest: str) -> int:
    """Run a command that exists; errors of ours become one sentence and an exit code."""
    try:
        _app(importlib.import_module(COMMANDS[name][0]))(list(rest), prog_name=f"covenant {name}")
    except CovenantError as error:
        print(f"covenant {name}: {error.message}", file=sys.stderr)
        return WRONG_USE if isinstance(error, BadRequestError) else FOUND
    except SettingsError as error:
        print(f"covenant {name}: {error}", file=sys.stderr)
        return WRONG_USE
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else GOOD if stop.code is None else FOUND
    return GOOD


def _app(module: ModuleType) -> typer.Typer:
    if hasattr(module, "app"):
        app: typer.Typer = module.app
        return app
    app = typer.Typer(add_completion=False)
    app.command()(module.command)
    return app


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(
        [
            "Covenant: a Qwen chatbot that answers under a published constitution.",
            "",
            "Usage: covenant COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "covenant COMMAND --help tells more.",
            "Exit codes: 0 good, 1 found something, 2 wrong use.",
        ]
    )


def run() -> None:
    """Enter from the shell."""
    sys.exit(main())
