import json
import socket
from pathlib import Path

import pytest

from api.cli.main import main
from chains.qwen.discovery import LOCAL_PORTS
from tests.fakes.scripted_qwen import ScriptedQwen

Findings = dict[str, dict[str, str]]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without model servers, and a free port."""
    assert LOCAL_PORTS
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("COVENANT_PORT", str(probe.getsockname()[1]))
    monkeypatch.setenv("COVENANT_MODEL__DISCOVER", "false")
    monkeypatch.setenv("COVENANT_DATA_DIR", str(tmp_path))


def findings(capsys: pytest.CaptureFixture[str]) -> Findings:
    return {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_a_machine_without_a_model_is_told_what_to_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No model is no fault: the service runs, and the next command is named."""
    assert main(["doctor", "--json"]) == 0

    found = findings(capsys)
    assert found["model"]["state"] == "degraded"
    assert "covenant model fetch" in found["model"]["next"]
    assert found["judge"]["state"] == "degraded"
    assert found["policy"]["detail"].endswith("12 principles, strictness balanced")
    assert found["classifier"]["state"] == "good"
    assert found["knowledge"]["state"] == "good"


def test_people_read_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json each finding is a line with its sign, and the next step stands below it."""
    assert main(["doctor"]) == 0

    printed = capsys.readouterr().out
    assert "conversations" in printed
    assert "→ covenant model fetch" in printed


def test_a_taken_port_must_be_mended_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps the service from starting makes the exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("COVENANT_PORT", str(taken.getsockname()[1]))

        assert main(["doctor", "--json"]) == 1

    assert findings(capsys)["port"]["state"] == "missing"


def test_a_broken_policy_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A policy folder that does not load is found, with its problem."""
    monkeypatch.setenv("COVENANT_CONFIG_DIR", str(tmp_path / "nowhere"))

    assert main(["doctor", "--json"]) == 1

    assert findings(capsys)["policy"]["state"] == "missing"


def test_missing_documents_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty knowledge folder is no fault, and the command that fills it is named."""
    monkeypatch.setenv("COVENANT_KNOWLEDGE_DIR", str(tmp_path / "empty"))

    assert main(["doctor", "--json"]) == 0

    assert "covenant kb add" in findings(capsys)["knowledge"]["next"]


def test_configured_servers_are_not_embedded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a URL names a Redis, that one is used."""
    monkeypatch.setenv("COVENANT_REDIS_URL", "redis://127.0.0.1:1/0")

    main(["doctor", "--json"])

    found = findings(capsys)
    assert "COVENANT_REDIS_URL" in found["conversations"]["detail"]
    assert "embedded" in found["records"]["detail"]


def test_a_data_folder_that_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records need a folder that can be written."""
    monkeypatch.setattr("os.access", lambda *_: False)

    assert main(["doctor", "--json"]) == 1

    assert "COVENANT_DATA_DIR" in findings(capsys)["data"]["next"]


async def test_a_configured_model_answers_and_judges(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint that is named is shown with its model, which judges too."""
    from api.cli.doctor import examine
    from api.settings import load_settings

    async with ScriptedQwen() as qwen:
        monkeypatch.setenv("COVENANT_MODEL__BASE_URL", qwen.base_url)
        monkeypatch.setenv("COVENANT_MODEL__NAME", "qwen-scripted")

        found = {finding.what: finding for finding in await examine(load_settings())}

    assert "answers" in found["model: configured"].detail
    assert found["judge"].detail.startswith("qwen-scripted")
