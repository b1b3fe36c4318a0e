"""From settings to a live backend: which judge is believed, and which policy is in force."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.settings import load_settings
from api.wiring import real_backend
from guardrails.policy import load_policy
from guardrails.versions import PolicyStore
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import write_policy


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small policy, few documents, an empty data folder."""
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "a.md").write_text("# A\n\nBread is baked.\n")
    monkeypatch.setenv("COVENANT_KNOWLEDGE_DIR", str(tmp_path / "knowledge"))
    monkeypatch.setenv("COVENANT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COVENANT_MODEL__DISCOVER", "false")
    folder = write_policy(tmp_path / "policy")
    monkeypatch.setenv("COVENANT_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedJudge]:
    """A main model and no guard."""
    async with ScriptedJudge() as scripted:
        monkeypatch.setenv("COVENANT_MODEL__BASE_URL", scripted.base_url)
        monkeypatch.setenv("COVENANT_MODEL__NAME", "qwen-scripted")
        yield scripted


async def test_a_main_model_that_gives_verdicts_judges(model: ScriptedJudge) -> None:
    """Where nobody named a judge, the model that answers judges too."""
    async with real_backend(load_settings()) as backend:
        assert backend.judged()


async def test_a_main_model_that_cannot_judge_does_not(model: ScriptedJudge) -> None:
    """Better a missing second layer, which is said, than one that stops every message."""
    model.reply = "What a lovely question!"
    async with real_backend(load_settings()) as backend:
        assert not backend.judged()
        judge = next(one for one in await backend.dependencies() if one.name == "judge")
        assert judge.status == "degraded"


async def test_a_named_judge_is_believed(
    model: ScriptedJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody chose it: when it talks nonsense, the rails fail closed."""
    model.reply = "What a lovely question!"
    monkeypatch.setenv("COVENANT_GUARD__BASE_URL", model.base_url)
    monkeypatch.setenv("COVENANT_GUARD__NAME", "qwen-scripted")
    async with real_backend(load_settings()) as backend:
        assert backend.judged()


async def test_a_published_version_is_in_force(folder: Path, tmp_path: Path) -> None:
    """From the start, and whenever another one is published."""
    store = PolicyStore(tmp_path / "data" / "policies")
    first = store.save(folder)
    store.record(first, by="eva", note="")
    with (folder / "strictness.yml").open("a") as file:
        file.write("# edited\n")
    second = load_policy(folder).version
    async with real_backend(load_settings()) as backend:
        assert backend.rails.current.policy.version == first
        store.save(folder)
        store.record(second, by="eva", note="")
        async with asyncio.timeout(3.0):
            while backend.rails.current.policy.version != second:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
