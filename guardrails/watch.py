"""Noticing that somebody edits a policy folder."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from watchfiles import awatch

from guardrails.policy import read_folder, version_of
from guardrails.source import PolicyError


class Watcher:
    """Notices edits of one folder. A folder that stands still never replaces what was published.

    Args:
        folder: What is watched.
        version: Its version now.
        changed: Called with the folder whenever its version is another.
        waits: Whether edits are to be ignored for now.
    """

    def __init__(
        self,
        folder: Path,
        version: str,
        *,
        changed: Callable[[Path], Awaitable[object]],
        waits: Callable[[], bool],
    ) -> None:
        self._folder = folder
        self._seen: str | None = version
        self._changed = changed
        self._waits = waits

    async def listen(self, stop: asyncio.Event) -> None:
        """Look whenever the system reports a change, until `stop`."""
        # Where the system cannot watch (too many watches, odd volumes), polling goes on alone.
        with contextlib.suppress(OSError, RuntimeError):
            async for _ in awatch(self._folder, stop_event=stop, debounce=200, step=50):
                await self._look()

    async def poll(self, every: timedelta, stop: asyncio.Event) -> None:
        """Look every so often, until `stop`."""
        while not stop.is_set():
            await asyncio.sleep(every.total_seconds())
            await self._look()

    async def _look(self) -> None:
        if self._waits():
            return
        try:
            version = await asyncio.to_thread(lambda: version_of(read_folder(self._folder)))
        except (OSError, PolicyError):
            version = None
        if version is None or version != self._seen:
            self._seen = version
            await self._changed(self._folder)
