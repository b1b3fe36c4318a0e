"""The real backend of a service process: from settings to a live chain, rails and knowledge."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.backend import Backend
from api.schemas import Dependency
from api.settings import Settings
from chains.build import live_chat
from chains.knowledge.retriever import Retriever, open_retriever
from chains.qwen.discovery import Discovery, discover
from chains.qwen.endpoint import Endpoint
from chains.qwen.thinking import thinking_fields
from chains.usage import PriceTable
from guardrails.holder import RailsHolder
from guardrails.judge import JudgeEndpoint
from guardrails.policy import SHIPPED

ROOT = Path(__file__).parents[1]


def policy_folder(settings: Settings) -> Path:
    """The policy folder in force: the named one, or the one that ships."""
    return settings.config_dir or SHIPPED


def knowledge_folder(settings: Settings) -> Path:
    """The documents in force: the named folder, or the ones that ship."""
    return settings.knowledge_dir or ROOT / "knowledge"


async def find_model(settings: Settings) -> Discovery:
    """Look for a model in the order of the settings; starts and fetches nothing."""
    from chains.qwen.weights import find_local_model  # noqa: PLC0415 - reads the disk

    local = find_local_model(settings.data_dir / "models", settings.local_model)
    return await discover(
        settings.model,
        dashscope_key=settings.dashscope_api_key,
        local_model=local,
        own_port=settings.port,
        **({} if settings.model.discover else {"local_ports": ()}),
    )


def judge_endpoint(settings: Settings, model: Endpoint | None) -> JudgeEndpoint | None:
    """Where the judge is served: its own server if one is named, else the main model."""
    guard = settings.guard
    if guard.base_url is not None and guard.name is not None:
        return JudgeEndpoint(guard.base_url, guard.name, guard.api_key)
    if model is None:
        return None
    return JudgeEndpoint(
        model.base_url,
        guard.name or model.model,
        guard.api_key or model.api_key,
        fields=thinking_fields(model.style, thinking=False),
    )
