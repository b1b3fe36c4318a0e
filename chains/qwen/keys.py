"""Which key a request bears. A provider has one today; the protocol is where a pool goes."""

from typing import Protocol

from pydantic import SecretStr


class Keys(Protocol):
    """Hands out keys of one provider."""

    def current(self) -> SecretStr | None:
        """The key for the next request; None where the server asks for none."""

    def refused(self, key: SecretStr) -> None:
        """Learn that the server refused `key` (401 or 403)."""


class SingleKey:
    """One key, or none."""

    def __init__(self, key: SecretStr | None) -> None:
        self._key = key

    def current(self) -> SecretStr | None:
        """The key."""
        return self._key

    def refused(self, key: SecretStr) -> None:
        """Change nothing: there is no other key to turn to."""
