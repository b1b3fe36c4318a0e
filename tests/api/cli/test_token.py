"""`covenant token` and `covenant keys`, as a person types them."""

import json
from pathlib import Path

import pytest

from api.auth import Role, Tokens
from api.cli.main import main
from api.keys import Keys
from chains.errors import AuthenticationError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COVENANT_DATA_DIR", str(tmp_path))
    return tmp_path


def test_a_token_is_issued(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The token alone is on standard output, so that a script can take it."""
    code = main(["token", "issue", "--role", "engineer", "--name", "eva"])

    printed = capsys.readouterr()
    who = Tokens(Keys(folder)).read(f"Bearer {printed.out.strip()}")
    assert code == 0
    assert who.subject == "staff:eva"
    assert who.role is Role.ENGINEER
    assert who.token_id in printed.err


def test_a_token_is_issued_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` gives token, id and end."""
    assert main(["token", "issue", "--role", "qa", "--ttl", "1", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert Tokens(Keys(folder)).read(f"Bearer {shown['token']}").token_id == shown["id"]


@pytest.mark.parametrize("by_id", [True, False])
def test_a_token_is_taken_back(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    by_id: bool,  # noqa: FBT001 - of the test
) -> None:
    """Revoking by token or by id ends it."""
    main(["token", "issue", "--role", "qa", "--json"])
    shown = json.loads(capsys.readouterr().out)

    assert main(["token", "revoke", shown["id"] if by_id else shown["token"]]) == 0

    with pytest.raises(AuthenticationError):
        Tokens(Keys(folder)).read(f"Bearer {shown['token']}")


@pytest.mark.parametrize(
    "words",
    [
        ["token", "issue", "--role", "user"],
        ["token", "issue", "--role", "root"],
        ["token", "issue", "--role", "qa", "--ttl", "1000"],
        ["token", "issue", "--role", "qa", "--name", "two words"],
        ["token", "revoke", "a.b.c"],
        ["token"],
        ["keys"],
    ],
)
def test_wrong_use_is_explained(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be done exits 2 with a sentence and no traceback."""
    code = main(words)

    printed = capsys.readouterr()
    assert code == 2
    assert printed.err or printed.out
    assert "Traceback" not in printed.err


def test_keys_are_rotated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rotation keeps tokens good; `--drop-old` ends them."""
    main(["token", "issue", "--role", "qa"])
    token = capsys.readouterr().out.strip()

    assert main(["keys", "rotate"]) == 0
    assert Tokens(Keys(folder)).read(f"Bearer {token}").role is Role.QA

    assert main(["keys", "rotate", "--drop-old"]) == 0
    assert "refused" in capsys.readouterr().out
    with pytest.raises(AuthenticationError):
        Tokens(Keys(folder)).read(f"Bearer {token}")
