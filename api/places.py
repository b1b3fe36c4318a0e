"""Where things are, by the settings: the model, the judge, the policy, the documents."""

from pathlib import Path

from api.settings import Settings
from chains.qwen.discovery import LOCAL_PORTS, Discovery, discover
from chains.qwen.endpoint import Endpoint
from chains.qwen.thinking import thinking_fields
from chains.qwen.weights import find_local_model
from guardrails.judge import JudgeEndpoint, JudgeKind
from guardrails.policy import SHIPPED

_ROOT = Path(__file__).parents[1]


def policy_folder(settings: Settings) -> Path:
    """The policy folder in force: the named one, or the one that ships."""
    return settings.config_dir or SHIPPED


def policies_folder(settings: Settings) -> Path:
    """Where published versions of the policy are kept."""
    return settings.data_dir / "policies"


def knowledge_folder(settings: Settings) -> Path:
    """The documents in force: the named folder, or the ones that ship."""
    return settings.knowledge_dir or _ROOT / "knowledge"


def weights_folder(settings: Settings) -> Path:
    """Where fetched model weights are kept."""
    return settings.data_dir / "models"


async def find_model(settings: Settings) -> Discovery:
    """Look for a model in the order of ARCHITECTURE.md; starts and fetches nothing.

    Raises:
        BadRequestError: COVENANT_LOCAL_MODEL names nothing that could be served.
    """
    local = find_local_model(weights_folder(settings), settings.local_model)
    return await discover(
        settings.model,
        dashscope_key=settings.dashscope_api_key,
        local_model=local,
        own_port=settings.port,
        local_ports=LOCAL_PORTS if settings.model.discover else (),
    )


def judge_endpoint(settings: Settings, model: Endpoint | None) -> JudgeEndpoint | None:
    """Where the judge is served: its own server if one is named, else the main model's."""
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


def is_judge_named(settings: Settings) -> bool:
    """Whether somebody chose the judge; otherwise the main model has to do."""
    return settings.guard.base_url is not None or settings.guard.name is not None


def writer_endpoint(model: Endpoint | None) -> JudgeEndpoint | None:
    """Where answers are rewritten: the main model, for a guard model writes nothing."""
    if model is None:
        return None
    fields = thinking_fields(model.style, thinking=False)
    return JudgeEndpoint(
        model.base_url, model.model, model.api_key, kind=JudgeKind.CONSTITUTION, fields=fields
    )
