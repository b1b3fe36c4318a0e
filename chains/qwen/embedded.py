"""The embedded llama.cpp: a child process that serves a GGUF file on a free loopback port.

A process of its own, because llama.cpp may run out of memory or abort, and the service must not.
It asks for a random key, so that no web page in a browser on this machine can use it. It ends when
its parent does, whatever ends the parent. See `chains.qwen.embedded_server` for its inside.
"""

import asyncio
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import orjson
from pydantic import SecretStr

from chains.errors import ModelUnavailableError
from chains.qwen.endpoint import Endpoint
from chains.qwen.weights import LocalModel, is_gguf

_STOP_WITHIN = 1.0
"""Seconds a stopping server gets before it is killed."""


class EmbeddedQwen:
    """A llama.cpp server; an async context manager, or `start` and `stop`.

    Args:
        model: What to serve.
        context: Tokens of prompt and answer that all conversations being answered share.
        slots: Answers generated at the same time; more wait in line.
        threads: CPU threads; all but one of the cores that may be used if None.
        deadline: Longest time to load the weights.
    """

    def __init__(
        self,
        model: LocalModel,
        *,
        context: int = 8192,
        slots: int = 2,
        threads: int | None = None,
        deadline: timedelta = timedelta(minutes=2),
    ) -> None:
        self._model = model
        self._context = context
        self._slots = slots
        self._threads = threads
        self._deadline = deadline
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Endpoint:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> Endpoint:
        """Load the weights and serve them.

        Returns:
            Where they are served.

        Raises:
            ModelUnavailableError: The file is broken, memory is short, or loading takes too long.
        """
        path = self._model.path
        if not path.is_file():
            raise ModelUnavailableError(f"There is no file {path.name}: covenant model fetch.")
        if not is_gguf(path):
            raise ModelUnavailableError(f"{path.name} is damaged: it is no GGUF file.")
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chains.qwen.embedded_server"),
            *("--model", str(path), "--alias", self._model.name),
            *("--context", str(self._context), "--slots", str(self._slots)),
            *(("--threads", str(self._threads)) if self._threads else ()),
            stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                endpoint = await self._ready(process)
        except TimeoutError:
            await self.stop()
            raise ModelUnavailableError(
                f"{path.name} was not loaded within {self._deadline.total_seconds():.0f} s."
            ) from None
        except BaseException:
            await self.stop()
            raise
        return endpoint

    async def wait(self) -> int:
        """Wait until the server ends; return its exit code."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self) -> None:
        """End the server within about a second; harmless where none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ready(self, process: asyncio.subprocess.Process) -> Endpoint:
        assert process.stdout is not None  # noqa: S101 - asked for above, for the type checker
        line = await process.stdout.readline()
        said = orjson.loads(line) if line else {}
        if "base_url" not in said:
            raise ModelUnavailableError(self._explain(await process.wait()))
        return Endpoint(said["base_url"], self._model.name, SecretStr(said["api_key"]), "embedded")

    def _explain(self, code: int) -> str:
        path = self._model.path
        available = _available_memory()
        if code < 0 or (available is not None and available < path.stat().st_size):
            room = "" if available is None else f" {available / 1e9:.1f} GB are free."
            return f"There is not enough memory for {path.name}.{room}"
        return f"{path.name} cannot be loaded: it is damaged or of an unknown kind."


def _available_memory() -> int | None:
    """Bytes of memory that can be used without swapping; None where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None
