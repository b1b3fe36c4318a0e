"""Services as a fleet or a laptop would run them, each in front of what the tests script."""

from collections.abc import Iterator

import pytest

from tests.fakes.scripted_reply import Reply, Rule, Script, Violation
from tests.fakes.service import Service, running_qwen, running_service

COUNTED = "".join(f"This is sentence {n} of a hundred. " for n in range(1, 101)).strip()
SCRIPT = Script(
    rules=[
        Rule(match="count steadily", reply=Reply(text=COUNTED, tokens_per_second=250)),
        Rule(
            match="citations",
            reply=Reply(text="Answers cite their passages [1]. An invented mark [99] is dropped."),
        ),
        Rule(
            match="turn bad",
            reply=Reply(text="This begins well. Then it says [[violate]] aloud. Never shown."),
        ),
        Rule(match="slowly", reply=Reply(text="Another sentence. " * 200, tokens_per_second=50)),
        Rule(match="my name", reply=Reply(text="You told me your name.")),
    ],
    violations=[Violation(match="[[violate]]", principle="no-crime")],
)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scripted Qwen's base URL."""
    with running_qwen(tmp_path_factory.mktemp("qwen"), SCRIPT) as url:
        yield url


@pytest.fixture(scope="module")
def service(qwen: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of two workers with a model and a judge, strict: the judge sees everything."""
    environment = {
        "COVENANT_MODEL__BASE_URL": qwen,
        "COVENANT_MODEL__NAME": "qwen-scripted",
        "COVENANT_GUARD__BASE_URL": qwen,
        "COVENANT_GUARD__NAME": "qwen-judge",
        "COVENANT_FLAGS__STRICTNESS": "strict",
        "COVENANT_WORKERS": "2",
    }
    with running_service(tmp_path_factory.mktemp("service"), environment) as service:
        yield service


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that found no model."""
    environment = {
        "COVENANT_MODEL__DISCOVER": "false",
        "COVENANT_CHAIN__FOLLOW_UPS_DEADLINE": "PT5S",  # a busy machine suggests the same
    }
    with running_service(tmp_path_factory.mktemp("demo"), environment) as service:
        yield service
