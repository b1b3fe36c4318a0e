"""Finds a Qwen: configured, DashScope by its key, on this machine, or on its disk.

Every place that was looked at is reported, so that `covenant doctor` can say why it was taken or
left. A key goes to its own server alone; what listens on a port of this machine gets none.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus

from pydantic import SecretStr

from chains.qwen.endpoint import Endpoint, Source, is_qwen
from chains.qwen.probe import Answer, ask_models, choose_model
from chains.qwen.settings import ModelSettings
from chains.qwen.weights import LocalModel

DASHSCOPE = {
    "international": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "mainland": "https://dashscope.aliyuncs.com/compatible-mode/v1",
}
"""DashScope's regions. A key is good in one of them."""
DASHSCOPE_MODEL = "qwen-plus"
LOCAL_PORTS: tuple[tuple[Source, int], ...] = (
    ("ollama", 11434),
    ("vllm", 8000),
    ("vllm", 8001),
    ("vllm", 8002),
    ("llama.cpp", 8080),
)
"""Where model servers of this machine usually listen."""
_LOCAL_WITHIN = timedelta(milliseconds=300)
_REMOTE_WITHIN = timedelta(seconds=3)


class Outcome(StrEnum):
    """What became of a place where a Qwen might be."""

    USED = "used"
    AVAILABLE = "available"
    """It would do; something before it was taken."""
    ABSENT = "absent"
    UNUSABLE = "unusable"
    """Something is there that cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One place that was looked at."""

    source: Source
    where: str
    """Host and port, or file; never holds a key."""
    outcome: Outcome
    note: str
    """What was found, in a sentence for people."""
    models: tuple[str, ...] = ()
    """The models that are there, if they were listed."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found."""

    endpoint: Endpoint | None
    """Where to ask; None where nothing serves a model now."""
    local_model: LocalModel | None
    """The weights the embedded server should be started with, where nothing else was found."""
    tried: tuple[Probe, ...]
    """Every place looked at, in the order of preference."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A probe, and the endpoint it leads to if it is taken."""

    probe: Probe
    endpoint: Endpoint | None = None


async def discover(
    settings: ModelSettings,
    *,
    dashscope_key: SecretStr | None = None,
    local_model: LocalModel | None = None,
    own_port: int | None = None,
    local_ports: tuple[tuple[Source, int], ...] = LOCAL_PORTS,
) -> Discovery:
    """Look everywhere at once and take the first place in the order of preference.

    Args:
        settings: What is configured. A name without an address chooses among what is found.
        dashscope_key: The key that alone makes DashScope usable.
        local_model: Weights on disk (`chains.qwen.weights.find_local_model`).
        own_port: The port we listen on ourselves: nobody else is asked there.
        local_ports: Where model servers of this machine usually listen.
    """
    ports = [(source, port) for source, port in local_ports if port != own_port]
    configured, dashscope, *local = await asyncio.gather(
        _configured(settings),
        _dashscope(settings, dashscope_key),
        *(_local(source, port, settings) for source, port in ports),
    )
    found = [configured, dashscope, *local]
    taken = _take(found, configured_only=settings.base_url is not None)
    tried = [_marked(one, taken) for one in found if one is not None]
    endpoint = taken.endpoint if taken is not None else None
    embed = local_model if endpoint is None and settings.base_url is None else None
    tried.append(_embedded(local_model, used=embed is not None))
    return Discovery(endpoint, embed, tuple(tried))


def _take(found: list[_Found | None], *, configured_only: bool) -> _Found | None:
    usable = [one for one in found if one is not None and one.endpoint is not None]
    if configured_only:
        # Whoever names a server does not want his words sent to another one.
        return next((one for one in usable if one.probe.source == "configured"), None)
    first_choice = [one for one in usable if one.probe.source in ("configured", "dashscope")]
    qwens = [one for one in usable if one.endpoint is not None and is_qwen(one.endpoint.model)]
    return next(iter([*first_choice, *qwens, *usable]), None)


async def _configured(settings: ModelSettings) -> _Found | None:
    if settings.base_url is None:
        return None
    endpoint = Endpoint(
        settings.base_url,
        settings.name or "",
        settings.api_key,
        "configured",
        settings.thinking_style,
    )
    answer = await ask_models(settings.base_url, within=_REMOTE_WITHIN, key=settings.api_key)
    model = settings.name or choose_model(answer.models)
    if model is None:
        note = (
            f"{answer.problem or 'It lists no model that chats.'} Its models are unknown:"
            " set COVENANT_MODEL__NAME."
        )
        return _Found(Probe("configured", endpoint.host, Outcome.UNUSABLE, note))
    if answer.problem is not None and answer.status is None:
        # It is used all the same: a server may come up later than its clients.
        note = f"Does not answer now: {answer.problem}"
    elif answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        note = "It refuses the key: check COVENANT_MODEL__API_KEY."
    elif answer.models and model not in answer.models:
        note = f"It does not list {model}; it has {', '.join(answer.models[:5])}."
    else:
        note = _note(model)
    probe = Probe("configured", endpoint.host, Outcome.AVAILABLE, note, answer.models)
    return _Found(probe, endpoint.with_model(model))


async def _dashscope(settings: ModelSettings, key: SecretStr | None) -> _Found | None:
    if key is None or not key.get_secret_value():
        return None
    model = settings.name or DASHSCOPE_MODEL
    if settings.base_url is not None:
        host = Endpoint(DASHSCOPE["international"], model).host
        return _Found(
            Probe("dashscope", host, Outcome.AVAILABLE, "A server is configured before it.")
        )
    answers = dict(
        zip(
            DASHSCOPE,
            await asyncio.gather(
                *(ask_models(url, within=_REMOTE_WITHIN, key=key) for url in DASHSCOPE.values())
            ),
            strict=True,
        )
    )
    accepting = [region for region, answer in answers.items() if _accepts_key(answer)]
    region = next(iter(accepting), "international")
    endpoint = Endpoint(DASHSCOPE[region], model, key, "dashscope", settings.thinking_style)
    if accepting:
        note = f"The key is good in the {region} region. {_note(model)}"
    elif any(answer.status is not None for answer in answers.values()):
        note = "No region accepts the key: check DASHSCOPE_API_KEY."
    else:
        note = "Cannot be reached now; the international region is assumed."
    probe = Probe("dashscope", endpoint.host, Outcome.AVAILABLE, note, answers[region].models)
    return _Found(probe, endpoint)


def _accepts_key(answer: Answer) -> bool:
    return answer.status is not None and answer.status not in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
    )


async def _local(source: Source, port: int, settings: ModelSettings) -> _Found | None:
    where = f"127.0.0.1:{port}"
    base_url = f"http://{where}/v1"
    answer = await ask_models(base_url, within=_LOCAL_WITHIN)
    source = answer.source or source
    if answer.status is None:
        return _Found(Probe(source, where, Outcome.ABSENT, "Nothing answers there."))
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        note = f"It asks for a key: set COVENANT_MODEL__BASE_URL={base_url} and the key."
        return _Found(Probe(source, where, Outcome.UNUSABLE, note))
    if answer.is_covenant:
        return _Found(Probe(source, where, Outcome.UNUSABLE, "It is another Covenant."))
    if answer.problem is not None:
        return _Found(Probe(source, where, Outcome.UNUSABLE, answer.problem, answer.models))
    # A name that goes with an address says nothing about other servers.
    wanted = settings.name if settings.base_url is None else None
    model = choose_model(answer.models, wanted=wanted)
    if model is None:
        missing = f"It has no {wanted}." if wanted else "None of its models chats."
        return _Found(Probe(source, where, Outcome.UNUSABLE, missing, answer.models))
    endpoint = Endpoint(base_url, model, None, source, settings.thinking_style)
    return _Found(Probe(source, where, Outcome.AVAILABLE, _note(model), answer.models), endpoint)


def _embedded(local_model: LocalModel | None, *, used: bool) -> Probe:
    if local_model is None:
        note = "No weights on disk: covenant model fetch gets some."
        return Probe("embedded", "llama.cpp in this process tree", Outcome.ABSENT, note)
    outcome = Outcome.USED if used else Outcome.AVAILABLE
    return Probe("embedded", local_model.path.name, outcome, f"Weights of {local_model.name}.")


def _note(model: str) -> str:
    return f"Serves {model}." if is_qwen(model) else f"Serves {model}, which is no Qwen."


def _marked(found: _Found, taken: _Found | None) -> Probe:
    if found is not taken:
        return found.probe
    probe = found.probe
    return Probe(probe.source, probe.where, Outcome.USED, probe.note, probe.models)
