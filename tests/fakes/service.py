"""The real service and a scripted Qwen, each as a child process, for tests from outside.

`running_qwen` and `running_service` are context managers; both stop their process and everything
it started.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from evals.bench.processes import free_port
from tests.fakes.scripted_reply import Script

ROOT = Path(__file__).parents[2]
_START_SECONDS = 40
_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    """What it printed, standard output and error together."""

    def json(self, path: str, body: object = None, token: str | None = None) -> Any:
        """GET, or POST where there is a body; return the parsed answer."""
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, data, headers), timeout=15) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except HTTPError as refused:
            refused.close()  # it holds the socket
            raise

    def token(self) -> str:
        """A fresh session's token."""
        token: str = self.json("/api/v1/chat/start", {})["token"]
        return token


@contextmanager
def running_qwen(folder: Path, script: Script | None = None) -> Iterator[str]:
    """Run a scripted Qwen; yield its base URL."""
    file = folder / "script.json"
    file.write_text((script or Script()).model_dump_json())
    arguments = ["-m", "tests.fakes.scripted_qwen", "--port", "0", "--script", str(file)]
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["base_url"]
        finally:
            process.terminate()


@contextmanager
def running_service(
    folder: Path, environment: Mapping[str, str], *, command: str = "serve"
) -> Iterator[Service]:
    """Run `covenant serve` (or another command) with its data in `folder` until the block is left.

    Raises:
        AssertionError: It did not become ready; the message holds what it printed.
    """
    port = free_port()
    log = folder / "service.log"
    with log.open("w") as output:
        process = _start(folder, output, {"COVENANT_PORT": str(port), **environment}, command)
        service = Service(f"http://127.0.0.1:{port}", process, log)
        try:
            _wait_until_ready(service)
            yield service
        finally:
            stop(process)


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> None:
    """Ask a process to stop, and make it where it does not."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _start(
    folder: Path, output: IO[str], environment: Mapping[str, str], command: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "api.cli", command],
        cwd=ROOT,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                # COVERAGE_*: the service's lines count as tested when the tests run under coverage.
                if name in ("PATH", "HOME", "LANG") or name.startswith("COVERAGE_")
            },
            "COVENANT_DATA_DIR": str(folder / "data"),
            "COVENANT_LIMITS__ENABLED": "false",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and service.process.poll() is None:
        with suppress(URLError, OSError):
            service.json("/health/live")
            return
        time.sleep(0.1)
    raise AssertionError(f"the service did not start:\n{service.log.read_text()}")
