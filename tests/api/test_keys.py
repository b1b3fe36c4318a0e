"""The key file: private, whole, and the same for every process."""

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api import keys as keys_module
from api.keys import KEPT, KeyFile, Keys
from chains.errors import InternalError

MAKE = """
import sys
from pathlib import Path
from api.keys import Keys
print(Keys(Path(sys.argv[1])).signing.kid)
"""


def test_only_we_can_read_the_file(tmp_path: Path) -> None:
    """The file and its folder are made for us alone."""
    folder = tmp_path / "data"

    Keys(folder).rotate()

    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {"keys.json", "keys.lock"}


def test_workers_that_start_together_share_one_key(tmp_path: Path) -> None:
    """Several processes that start at once end up with the same signing key."""
    processes = [
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", MAKE, str(tmp_path / "data")],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        for _ in range(4)
    ]
    kids = {process.communicate()[0] for process in processes}

    assert len(kids) == 1
    assert kids != {""}


def test_another_process_sees_a_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key made elsewhere is known here within the time between two looks."""
    here, there = Keys(tmp_path), Keys(tmp_path)
    monkeypatch.setattr(keys_module, "_LOOK_AGAIN", 0.0)

    new = there.rotate()

    assert here.verifying(new.kid) == new
    assert here.signing == new


def test_a_revocation_is_seen_elsewhere_and_forgotten_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revoked token id is known everywhere until the token would have expired."""
    here, there = Keys(tmp_path), Keys(tmp_path)
    monkeypatch.setattr(keys_module, "_LOOK_AGAIN", 0.0)
    now = datetime.now(UTC)

    there.revoke("old", now - timedelta(seconds=1))
    there.revoke("new", now + timedelta(hours=1))

    assert here.is_revoked("new")
    assert not here.is_revoked("old")


def test_a_key_replaced_long_ago_is_dropped(tmp_path: Path) -> None:
    """Old keys are kept for longer than a token lives, and not for ever."""
    keys = Keys(tmp_path)
    first = keys.signing
    second = keys.rotate()
    path = tmp_path / "keys.json"
    file = KeyFile.model_validate_json(path.read_bytes())
    long_ago = datetime.now(UTC) - KEPT - timedelta(days=1)
    aged = file.keys[1].model_copy(update={"replaced": long_ago})
    path.write_text(file.model_copy(update={"keys": (file.keys[0], aged)}).model_dump_json())

    keys.rotate()

    assert keys.verifying(second.kid) is not None
    assert keys.verifying(first.kid) is None


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": [{"kid": "SECRET"}]}'])
def test_a_broken_file_is_a_clear_error(tmp_path: Path, content: str) -> None:
    """A file that is not ours stops the start and is neither replaced nor quoted."""
    (tmp_path / "keys.json").write_text(content)

    with pytest.raises(InternalError) as failure:
        Keys(tmp_path)

    assert "keys.json" in failure.value.message
    assert "SECRET" not in str(failure.value)
    assert (tmp_path / "keys.json").read_text() == content


def test_secrets_do_not_show_in_a_repr(tmp_path: Path) -> None:
    """What is logged by accident holds no key."""
    key = Keys(tmp_path).signing

    assert repr(key.secret.get_secret_value()) not in repr(key)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that cannot be written changes nothing and leaves no litter."""
    keys = Keys(tmp_path)
    before = (tmp_path / "keys.json").read_bytes()

    def full(_: Path, __: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        keys.rotate()

    assert (tmp_path / "keys.json").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"keys.json", "keys.lock"}
