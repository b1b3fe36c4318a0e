"""What holds for every test: no network, and an environment without surprises."""

import os

import pytest

_FOREIGN = ("COVENANT_", "DASHSCOPE_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_", "OTEL_", "REDIS_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what a developer's shell may set; what a test needs it sets itself."""
    for name in list(os.environ):
        if name.upper().startswith(_FOREIGN) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
