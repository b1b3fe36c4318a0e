"""`covenant up`: start what is missing, then the service. What `make run` calls."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from api.app import FRONTEND
from api.cli.model import fetch_with_progress
from api.cli.serve import serve
from api.places import find_model, weights_folder
from api.settings import Settings, load_settings
from api.supervisor import bind
from chains.errors import ServiceUnavailableError
from chains.qwen.catalogue import DEFAULT, named
from chains.qwen.discovery import Discovery
from chains.qwen.embedded import EmbeddedQwen
from chains.qwen.endpoint import Endpoint


def command(
    *,
    fetch: Annotated[
        bool | None,
        typer.Option(
            "--fetch/--no-fetch",
            help="Fetch a small Qwen where none is found; asked at a terminal if not said.",
        ),
    ] = None,
) -> None:
    """Start what is missing (embedded Redis, embedded Qwen), then the service; print its URL.

    Without any model it still runs: answers are quoted from the documents, and say so.
    """
    settings = load_settings()
    bind(settings.host, settings.port).close()  # before anything slow is looked for or started
    discovery = asyncio.run(find_model(settings))
    if discovery.endpoint is None and discovery.local_model is None and _wanted(settings, fetch):
        _fetch(settings)
        discovery = asyncio.run(find_model(settings))
    raise typer.Exit(asyncio.run(up(settings, discovery)))


async def up(settings: Settings, discovery: Discovery) -> int:
    """Start an embedded model where that was found, then serve until a signal.

    Returns:
        The exit code.
    """
    async with AsyncExitStack() as stack:
        endpoint = discovery.endpoint
        found: dict[str, str] = {}
        if "log_level" not in settings.model_fields_set:
            found["COVENANT_LOG_LEVEL"] = "warning"  # a terminal is for people
        if endpoint is None and discovery.local_model is not None:
            print(f"Loading {discovery.local_model.name} ...", flush=True)
            endpoint = await stack.enter_async_context(EmbeddedQwen(discovery.local_model))
            found |= _as_environment(endpoint)

        async def announce(url: str) -> None:
            print(welcome(url, endpoint), flush=True)

        return await serve(settings, announce, found=found)


def welcome(url: str, endpoint: Endpoint | None) -> str:
    """What a person reads when the service is there."""
    if endpoint is None:
        model = "none found: answers are quoted from the documents (covenant doctor says more)"
    else:
        model = f"{endpoint.model} at {endpoint.host} ({endpoint.source})"
    page = "" if (FRONTEND / "index.html").exists() else "\n  page       not built: make setup"
    return f"""
Covenant is ready: {url}

  model      {model}{page}
  stop       Ctrl-C

  TOKEN=$(curl -s -X POST {url}/api/v1/chat/start -H 'content-type: application/json' -d '{{}}' \\
    | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl -N {url}/api/v1/chat -H "authorization: Bearer $TOKEN" -H 'accept: text/event-stream' \\
    -H 'content-type: application/json' -d '{{"message": "How are messages checked?"}}'
"""


def _wanted(settings: Settings, fetch: bool | None) -> bool:  # noqa: FBT001 - an option's value
    if fetch is not None:
        return fetch
    if settings.local_model is not None:
        return True  # whoever names one wants it
    return sys.stdin.isatty() and typer.confirm(
        f"No Qwen was found. Fetch {DEFAULT.name} ({DEFAULT.size / 1e9:.1f} GB) to run it here?",
        default=False,
    )


def _fetch(settings: Settings) -> None:
    weights = (named(settings.local_model) if settings.local_model else None) or DEFAULT
    try:
        fetch_with_progress(weights, weights_folder(settings), mirror=settings.model_mirror)
    except ServiceUnavailableError as error:
        # Being offline is a normal state: the documents answer.
        print(f"{weights.name} could not be fetched: {error.message}", file=sys.stderr)


def _as_environment(endpoint: Endpoint) -> dict[str, str]:
    key = endpoint.api_key.get_secret_value() if endpoint.api_key else ""
    return {
        "COVENANT_MODEL__BASE_URL": endpoint.base_url,
        "COVENANT_MODEL__NAME": endpoint.model,
        "COVENANT_MODEL__API_KEY": key,
        "COVENANT_MODEL__THINKING_STYLE": endpoint.style.value,
    }
