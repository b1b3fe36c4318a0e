from pathlib import Path

import pytest
from pydantic import SecretStr

from api.cli import up as command
from api.cli.up import welcome
from api.settings import Settings
from chains.errors import ServiceUnavailableError
from chains.qwen.endpoint import Endpoint

ENDPOINT = Endpoint("http://127.0.0.1:11434/v1", "qwen3:8b", SecretStr("secret"), "ollama")


def test_the_welcome_names_the_model_and_never_its_key() -> None:
    """People read where the service is, which model answers and how to try it by hand."""
    text = welcome("http://127.0.0.1:8000", ENDPOINT)

    assert "qwen3:8b at 127.0.0.1:11434 (ollama)" in text
    assert "curl -N http://127.0.0.1:8000/api/v1/chat" in text
    assert "secret" not in text


def test_the_welcome_says_when_there_is_no_model() -> None:
    """Without a model the welcome says what answers instead."""
    assert "quoted from the documents" in welcome("http://127.0.0.1:8000", None)


def test_workers_get_the_embedded_models_address_and_key() -> None:
    """What was started is handed on as settings."""
    environment = command._as_environment(ENDPOINT)

    assert environment["COVENANT_MODEL__BASE_URL"] == ENDPOINT.base_url
    assert environment["COVENANT_MODEL__API_KEY"] == "secret"


@pytest.mark.parametrize(
    ("fetch", "local_model", "wanted"),
    [(True, None, True), (False, "qwen3-0.6b", False), (None, "qwen3-0.6b", True)],
)
def test_weights_are_fetched_only_when_asked_for(
    fetch: bool | None,  # noqa: FBT001 - the option's three states
    local_model: str | None,
    wanted: bool,  # noqa: FBT001 - what is expected
) -> None:
    """--fetch, --no-fetch and a named model decide; without them a script is never asked."""
    assert command._wanted(Settings(local_model=local_model), fetch) is wanted


def test_a_program_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing is asked and nothing is fetched."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    assert command._wanted(Settings(), None) is False


def test_being_offline_is_a_normal_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights that cannot be fetched are told of, and the start goes on."""

    def offline(*_: object, **__: object) -> Path:
        raise ServiceUnavailableError("The hub cannot be reached.")

    monkeypatch.setattr(command, "fetch_with_progress", offline)

    command._fetch(Settings(data_dir=tmp_path))

    assert "The hub cannot be reached." in capsys.readouterr().err
