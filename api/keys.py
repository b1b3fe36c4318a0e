"""The keys that sign tokens, in a file of our own under the data directory.

Each key has its own id and its algorithm stands beside it in the file, so nothing in a token can
choose either. A new key signs from the moment of a rotation; the one before still verifies, so
that no live session ends. Every process sees a change of the file within a second.
"""

import base64
import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretBytes,
    ValidationError,
    field_serializer,
    field_validator,
)

from chains.errors import InternalError

KEPT: timedelta = timedelta(days=31)
"""How long a replaced key still verifies: longer than any token may live."""
_LOOK_AGAIN = 1.0
"""Seconds between two looks at the file's time of change."""


class SigningKey(BaseModel):
    """One symmetric key."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kid: str = Field(pattern=r"^[a-z0-9]{16}$")
    algorithm: Literal["HS256"] = "HS256"
    secret: SecretBytes
    created: datetime
    replaced: datetime | None = None

    @field_validator("secret", mode="before")
    @classmethod
    def _decode(cls, value: object) -> object:
        return base64.b64decode(value) if isinstance(value, str) else value

    @field_serializer("secret")
    def _encode(self, value: SecretBytes) -> str:
        return base64.b64encode(value.get_secret_value()).decode()


class KeyFile(BaseModel):
    """All keys, the signing one first, and the staff tokens that were taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keys: tuple[SigningKey, ...] = Field(min_length=1)
    revoked: dict[str, datetime] = {}
    """Token id to the time it would have expired."""


class Keys:
    """The key file, read when it changes.

    Args:
        folder: The data directory; made if it is missing.

    Raises:
        InternalError: The file is there and cannot be read or is not ours.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "keys.json"
        self._looked = 0.0
        self._stamp: tuple[int, int] | None = None
        self._file = self._created_or_read()

    @property
    def signing(self) -> SigningKey:
        """The key that signs now."""
        return self._current().keys[0]

    def verifying(self, kid: str) -> SigningKey | None:
        """The key of that id, if it may still verify."""
        return next((key for key in self._current().keys if key.kid == kid), None)

    def is_revoked(self, token_id: str) -> bool:
        """Whether a staff token was taken back."""
        return token_id in self._current().revoked

    def rotate(self, *, drop: bool = False) -> SigningKey:
        """Make a new signing key.

        Args:
            drop: Forget all older keys at once, as after a leak: every token made so far ends.

        Returns:
            The new key.
        """
        now = datetime.now(UTC)
        key = _new_key(now)
        with self._locked():
            file = self._read()
            older = [
                old.model_copy(update={"replaced": old.replaced or now})
                for old in file.keys
                if not drop and (old.replaced is None or now - old.replaced < KEPT)
            ]
            self._write(file.model_copy(update={"keys": (key, *older)}))
        return key

    def revoke(self, token_id: str, expires: datetime) -> None:
        """Take a staff token back."""
        now = datetime.now(UTC)
        with self._locked():
            file = self._read()
            still = {name: when for name, when in file.revoked.items() if when > now}
            self._write(file.model_copy(update={"revoked": {**still, token_id: expires}}))

    def _current(self) -> KeyFile:
        now = time.monotonic()
        if now - self._looked >= _LOOK_AGAIN:
            self._looked = now
            if self._stamp != _stamp(self._path):
                self._file = self._read()
        return self._file

    def _created_or_read(self) -> KeyFile:
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked():
                if not self._path.exists():  # another worker may have been first
                    self._write(KeyFile(keys=(_new_key(datetime.now(UTC)),)))
        return self._read()

    def _read(self) -> KeyFile:
        self._stamp = _stamp(self._path)
        try:
            return KeyFile.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            # `from None`: the cause would quote secrets.
            raise InternalError(
                f"The key file {self._path} cannot be read. Restore it, or delete it to start "
                "with new keys: all tokens then end."
            ) from None

    def _write(self, file: KeyFile) -> None:
        # mkstemp makes files that only we can read; the rename shows readers all or nothing.
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".keys-")
        try:
            with os.fdopen(handle, "w") as stream:
                stream.write(file.model_dump_json(indent=1))
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._file = file
        self._stamp = _stamp(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _new_key(now: datetime) -> SigningKey:
    return SigningKey(
        kid=secrets.token_hex(8), secret=SecretBytes(secrets.token_bytes(32)), created=now
    )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
