import sys
from types import ModuleType

import pytest
import typer

from api.cli import main as entry
from api.cli.main import COMMANDS, main
from api.settings import SettingsError
from chains.errors import BadRequestError, ServiceUnavailableError


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that stands behind the command `probe`."""
    module = ModuleType("probe_module")
    monkeypatch.setitem(sys.modules, "probe_module", module)
    monkeypatch.setitem(COMMANDS, "probe", ("probe_module", "Probe."))
    return module


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`covenant --help` names each command with its line, and is good use."""
    assert main(["--help"]) == 0

    printed = capsys.readouterr().out
    assert all(f"  {name}" in printed and line in printed for name, (_, line) in COMMANDS.items())


def test_no_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Typing `covenant` alone shows the help and exits with 2."""
    assert main([]) == 2
    assert "Usage" in capsys.readouterr().out


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped command gets one sentence and exit code 2."""
    assert main(["chekc"]) == 2
    assert "chekc" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`covenant --version` names the distribution's version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("covenant ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequestError("Port taken."), 2),
        (ServiceUnavailableError("No Redis."), 1),
        (SettingsError("COVENANT_PORT: wrong."), 2),
    ],
)
def test_an_error_is_one_sentence(
    command: ModuleType, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    """What we raise on purpose is printed without a traceback, with its exit code."""

    def fail() -> None:
        raise error

    command.command = fail  # type: ignore[attr-defined] # a module made by the test

    assert main(["probe"]) == code
    assert capsys.readouterr().err == f"covenant probe: {error}\n"


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_commands_exit_code_is_ours(command: ModuleType, code: int) -> None:
    """What a command exits with is what the shell sees."""

    def leave() -> None:
        raise typer.Exit(code)

    command.command = leave  # type: ignore[attr-defined] # a module made by the test

    assert main(["probe"]) == code


def test_a_group_gets_the_rest_of_the_line(
    command: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module with an `app` is a group: its own commands follow the name."""
    app = typer.Typer()

    @app.callback()
    def group() -> None:
        """Group."""

    @app.command()
    def sub(word: str) -> None:
        typer.echo(word)

    command.app = app  # type: ignore[attr-defined] # a module made by the test

    assert main(["probe", "sub", "hello"]) == 0
    assert capsys.readouterr().out == "hello\n"


def test_wrong_options_are_wrong_use(command: ModuleType) -> None:
    """An option that does not exist exits with 2."""
    command.command = lambda: None  # type: ignore[attr-defined] # a module made by the test

    assert main(["probe", "--nonsense"]) == 2


def test_entering_from_the_shell_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script exits with the command's code."""
    monkeypatch.setattr(sys, "argv", ["covenant", "--version"])

    with pytest.raises(SystemExit) as stopped:
        entry.run()
    assert stopped.value.code == 0
