"""Remembering judges' verdicts, by hashes only: no text is kept."""

from collections import OrderedDict
from typing import Protocol

from guardrails.judge_reply import Violation


class VerdictCache(Protocol):
    """Where verdicts are remembered. A cache that fails must answer None, never raise."""

    async def get(self, key: str) -> tuple[Violation, ...] | None:
        """The violations remembered for `key`; None where there is nothing."""

    async def put(self, key: str, violations: tuple[Violation, ...]) -> None:
        """Remember the violations of `key`."""


class MemoryVerdicts:
    """Verdicts in this process's memory; the least recently used go first.

    Args:
        limit: Most verdicts kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, tuple[Violation, ...]] = OrderedDict()

    async def get(self, key: str) -> tuple[Violation, ...] | None:
        """The violations remembered for `key`."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def put(self, key: str, violations: tuple[Violation, ...]) -> None:
        """Remember the violations of `key`."""
        if not self._limit:
            return
        self._kept[key] = violations
        self._kept.move_to_end(key)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)
