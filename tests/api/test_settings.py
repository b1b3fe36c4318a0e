"""Settings: read once, checked wholly, and explained in one sentence a problem."""

from datetime import timedelta
from pathlib import Path

import pytest

from api.settings import Settings, SettingsError, load_settings, variables
from guardrails.verdict import Strictness


def test_defaults_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no variable at all the service listens on loopback and keeps its data beside it."""
    settings = load_settings()

    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.data_dir == Path(".covenant")
    assert settings.redis_url is None
    assert settings.flags.strictness is Strictness.BALANCED
    assert settings.session.lifetime == timedelta(hours=12)


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain and nested names, durations, lists and secrets are read."""
    for name, value in {
        "COVENANT_PORT": "9000",
        "COVENANT_MODEL__BASE_URL": "http://localhost:9999/v1",
        "COVENANT_MODEL__NAME": "qwen3",
        "COVENANT_MODEL__API_KEY": "secret-key",
        "COVENANT_GUARD__NAME": "qwen3guard",
        "COVENANT_SESSION__IDLE": "PT30M",
        "COVENANT_RUNS__GRACE": "3",
        "COVENANT_MODEL__DEADLINES__STALL": "2.5",
        "COVENANT_LIMITS__ENABLED": "false",
        "COVENANT_FLAGS__STRICTNESS": "strict",
        "COVENANT_ALLOWED_ORIGINS": "https://a.example, https://b.example",
        "COVENANT_REDIS_URL": "redis://:password@host/0",
        "COVENANT_METRICS__PUBLIC": "true",
        "DASHSCOPE_API_KEY": "dash-key",
    }.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.port == 9000
    assert settings.model.name == "qwen3"
    assert settings.guard.name == "qwen3guard"
    assert settings.session.idle == timedelta(minutes=30)
    assert settings.runs.grace == timedelta(seconds=3)
    assert settings.model.deadlines.stall == timedelta(seconds=2.5)
    assert settings.limits.enabled is False
    assert settings.flags.strictness is Strictness.STRICT
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert settings.metrics.public is True
    assert settings.dashscope_api_key is not None
    for secret in ("secret-key", "password", "dash-key"):
        assert secret not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "COVENANT_PROT",
            "1",
            "COVENANT_PROT is not a setting of Covenant. Did you mean COVENANT_PORT?",
        ),
        ("COVENANT_MODEL__API_KEE", "canary", "Did you mean COVENANT_MODEL__API_KEY?"),
        ("COVENANT_ZZZZZZ", "canary", "COVENANT_ZZZZZZ is not a setting of Covenant."),
        ("COVENANT_PORT", "canary", "COVENANT_PORT: should be a valid integer"),
        ("COVENANT_PORT", "70000", "COVENANT_PORT: should be less than or equal to 65535"),
        ("COVENANT_SESSION__LIFETIME", "PT13H", "COVENANT_SESSION__LIFETIME: should be"),
        ("COVENANT_SESSION__IDLE", "canary", "COVENANT_SESSION__IDLE: should be a valid timedelta"),
        ("COVENANT_FLAGS__STRICTNESS", "canary", "COVENANT_FLAGS__STRICTNESS: should be 'off'"),
        ("COVENANT_MODEL", "{canary", "COVENANT_MODEL must be valid JSON."),
        ("COVENANT_MODEL", '{"nam": "canary"}', "COVENANT_MODEL__NAM is not a setting"),
        ("COVENANT_MODEL__BASE_URL", "canary", "COVENANT_MODEL__BASE_URL: must be a URL"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """One sentence names the variable and what is wrong, and never repeats its value."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as failure:
        load_settings()

    assert says in str(failure.value)
    assert "canary" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong settings give two sentences."""
    monkeypatch.setenv("COVENANT_PORT", "x")
    monkeypatch.setenv("COVENANT_WORKERS", "0")

    with pytest.raises(SettingsError) as failure:
        load_settings()

    assert len(str(failure.value).splitlines()) == 2


def test_the_contracts_variables_are_all_known() -> None:
    """Every variable the contract names is a setting."""
    promised = {
        *(f"COVENANT_MODEL__{name}" for name in ("BASE_URL", "NAME", "API_KEY")),
        *(f"COVENANT_GUARD__{name}" for name in ("BASE_URL", "NAME")),
        *(f"COVENANT_EMBEDDINGS__{name}" for name in ("BASE_URL", "NAME")),
        *(f"COVENANT_{name}" for name in ("REDIS_URL", "RECORDS_URL", "PORT", "WORKERS", "HOST")),
        *(f"COVENANT_{name}_DIR" for name in ("CONFIG", "KNOWLEDGE", "DATA")),
        *("COVENANT_LIMITS__ENABLED", "COVENANT_FLAGS__STRICTNESS", "COVENANT_METRICS__PUBLIC"),
        *("COVENANT_LOCAL_MODEL", "DASHSCOPE_API_KEY"),
    }

    assert promised <= set(variables())


def test_settings_do_not_change() -> None:
    """A running process's settings are frozen."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  # that it is refused is the point
