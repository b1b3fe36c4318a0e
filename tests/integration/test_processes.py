"""Starting and stopping, as a person at a terminal does."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.event_stream import chat
from tests.fakes.service import Service, running_service
from tests.fakes.tiny_qwen import write_tiny_qwen

pytestmark = [pytest.mark.service, pytest.mark.timeout(60)]

_NO_MODEL = {"COVENANT_MODEL__DISCOVER": "false"}


def descendants(root: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    frontier = {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def alive(pids: set[int]) -> set[int]:
    return {
        pid
        for pid in pids
        if Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()
    }


def wait_for_end(pids: set[int], seconds: float) -> set[int]:
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive(pids)


def test_ctrl_c_stops_everything(tmp_path: Path, qwen: str) -> None:
    """One SIGINT ends the service and every child within 3 s, though an answer is streaming."""
    model = {"COVENANT_MODEL__BASE_URL": qwen, "COVENANT_MODEL__NAME": "qwen-scripted"}
    with running_service(tmp_path, {**model, "COVENANT_WORKERS": "2"}) as service:
        children = descendants(service.process.pid)
        assert len(children) >= 6, "two workers and two Redis servers with their shells"
        stream = chat(service, service.token(), "Tell me something slowly.")
        next(stream)
        began = time.monotonic()

        service.process.send_signal(signal.SIGINT)

        assert service.process.wait(10) == 0
        assert time.monotonic() - began < 3
        assert wait_for_end(children, 1) == set()


def test_nothing_outlives_a_killed_service(tmp_path: Path) -> None:
    """After SIGKILL of the supervisor, workers and Redis servers end by themselves."""
    with running_service(tmp_path, _NO_MODEL) as service:
        children = descendants(service.process.pid)

        service.process.kill()
        service.process.wait()

        assert wait_for_end(children, 5) == set()


def test_a_stream_ends_properly_when_the_service_is_asked_to_stop(
    tmp_path: Path, qwen: str
) -> None:
    """On SIGTERM a running answer still reaches its `run.finished`."""
    model = {"COVENANT_MODEL__BASE_URL": qwen, "COVENANT_MODEL__NAME": "qwen-scripted"}
    with running_service(tmp_path, {**model, "COVENANT_RUNS__DRAIN": "1"}) as service:
        stream = chat(service, service.token(), "Tell me something slowly.")
        frames = [next(stream)]

        service.process.send_signal(signal.SIGTERM)
        frames.extend(stream)

        assert frames[-1].event == "run.finished"
        assert service.process.wait(10) == 0


def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    """When a worker is killed, another takes its place and the service answers again."""
    with running_service(tmp_path, _NO_MODEL) as service:
        worker = next(
            pid
            for pid in descendants(service.process.pid)
            if b"api.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )

        os.kill(worker, signal.SIGKILL)

        assert answers_again(service)


def answers_again(service: Service) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            service.json("/health/live")
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def run_covenant(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "api.cli", *words],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        check=False,
    )


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """A port in use is named with the variable that changes it; nothing else is printed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = run_covenant(
            "serve", COVENANT_PORT=str(port), COVENANT_DATA_DIR=str(tmp_path), **_NO_MODEL
        )

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert str(port) in result.stderr
    assert "COVENANT_PORT" in result.stderr


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    """A mistyped variable stops the start with its name and the likely one."""
    result = run_covenant("serve", COVENANT_PROT="8000", COVENANT_DATA_DIR=str(tmp_path))

    assert result.returncode == 2
    assert "COVENANT_PROT" in result.stderr
    assert "COVENANT_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_up_says_where_it_is_and_how_to_try_it(tmp_path: Path) -> None:
    """`covenant up` prints the URL, what answers, and a curl line that works."""
    with running_service(tmp_path, _NO_MODEL, command="up") as service:
        deadline = time.monotonic() + 10
        while "curl -N" not in service.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)

        printed = service.log.read_text()

    assert f"Covenant is ready: {service.url}" in printed
    assert "quoted from the documents" in printed


@pytest.mark.llama
def test_up_serves_weights_that_are_there(tmp_path: Path) -> None:
    """A GGUF that is named is loaded, answers through the rails, and ends with the service."""
    weights = write_tiny_qwen(tmp_path)
    environment = {**_NO_MODEL, "COVENANT_LOCAL_MODEL": str(weights)}
    with running_service(tmp_path, environment, command="up") as service:
        children = descendants(service.process.pid)
        frames = list(chat(service, service.token(), "What is a lantern?"))

        service.process.send_signal(signal.SIGINT)

        assert service.process.wait(10) == 0
        assert frames[0].data["demo"] is False
        assert frames[-1].event == "run.finished"
        assert wait_for_end(children, 2) == set()
