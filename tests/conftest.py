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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests last: Playwright keeps an event loop running that no other test wants."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
