"""A small policy, a scripted judge, and rails compiled of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from guardrails.judge import JudgeEndpoint
from guardrails.policy import Policy, load_policy
from guardrails.rails import Rails
from tests.fakes.fixed_classifier import FixedClassifier
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import write_policy

CompileRails = Callable[..., Awaitable[Rails]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small valid policy folder, to be edited."""
    return write_policy(tmp_path / "policy")


@pytest.fixture(scope="session")
def small_policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The small policy, loaded once."""
    return load_policy(write_policy(tmp_path_factory.mktemp("small") / "policy"))


@pytest.fixture
def classifier() -> FixedClassifier:
    """Clear unless the text says otherwise."""
    return FixedClassifier()


@pytest.fixture
async def judge() -> AsyncIterator[ScriptedJudge]:
    """A judge on a loopback socket that finds nothing."""
    async with ScriptedJudge() as scripted:
        yield scripted


@pytest.fixture
async def compile_rails(
    small_policy: Policy, classifier: FixedClassifier
) -> AsyncIterator[CompileRails]:
    """Compile rails of the small policy; they are closed at the end."""
    compiled: list[Rails] = []

    async def make(
        judge: ScriptedJudge | None = None, *, policy: Policy | None = None, **options: Any
    ) -> Rails:
        options.setdefault("classifier", classifier)
        endpoint = None
        if judge is not None:
            endpoint = JudgeEndpoint(judge.base_url, options.pop("model", "qwen-scripted"))
        rails = await Rails.compile(policy or small_policy, judge=endpoint, **options)
        compiled.append(rails)
        return rails

    yield make
    for rails in compiled:
        await rails.aclose()
