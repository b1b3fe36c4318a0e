from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from chains.qwen.settings import Deadlines, ModelSettings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:8001/v1", "http://localhost:8001/v1"),
        (" http://localhost:8001/v1/ ", "http://localhost:8001/v1"),
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("https://host/v1/chat/completions", "https://host/v1"),
        ("https://host/compatible-mode/v1", "https://host/compatible-mode/v1"),
    ],
)
def test_addresses_are_forgiving(given: str, kept: str) -> None:
    """What people paste is understood."""
    assert ModelSettings(base_url=given).base_url == kept


@pytest.mark.parametrize(
    "wrong",
    [
        "localhost:8001",
        "ftp://host/v1",
        "https://",
        "https://user:SECRET@host/v1",
        "https://host/v1?key=SECRET",
    ],
)
def test_wrong_addresses_are_refused_without_quoting_them(wrong: str) -> None:
    """An address that cannot work, or holds a secret, is an error that does not repeat it."""
    with pytest.raises(ValidationError) as raised:
        ModelSettings(base_url=wrong)

    assert "SECRET" not in str(raised.value)


def test_a_secondary_address_needs_its_model() -> None:
    """Half a secondary model is a mistake and not silence."""
    with pytest.raises(ValidationError, match="secondary_name"):
        ModelSettings(secondary_base_url="http://localhost:8002/v1")


def test_durations_are_read_from_text() -> None:
    """Seconds or ISO 8601, as everywhere; never zero or less."""
    deadlines = Deadlines.model_validate({"stall": "PT2S", "total": 90})

    assert (deadlines.stall, deadlines.total) == (timedelta(seconds=2), timedelta(seconds=90))
    with pytest.raises(ValidationError):
        Deadlines.model_validate({"connect": 0})


def test_keys_do_not_show() -> None:
    """Settings may be printed."""
    settings = ModelSettings(api_key=SecretStr("SECRET"), secondary_api_key=SecretStr("SECRET"))

    assert "SECRET" not in repr(settings) + settings.model_dump_json()
