"""`covenant serve`: the service alone, for containers."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

import typer

from api.settings import Settings, load_settings
from api.supervisor import Supervisor, address, bind

Announce = Callable[[str], Awaitable[None]]
"""Told the service's URL once it answers."""


def command() -> None:
    """Run the service alone: no model is started or fetched, nothing is built.

    Redis is embedded only where COVENANT_REDIS_URL or COVENANT_RECORDS_URL names none. SIGTERM
    lets running answers finish; Ctrl-C stops within 3 s.
    """

    async def announce(url: str) -> None:
        print(f"Covenant serves {url}", flush=True)

    raise typer.Exit(asyncio.run(serve(load_settings(), announce)))


async def serve(
    settings: Settings, announce: Announce, *, found: Mapping[str, str] | None = None
) -> int:
    """Run the service until a signal stops it.

    Args:
        settings: The service's.
        announce: Told the URL once the first worker answers.
        found: Settings that were found out, as environment variables for the workers.

    Returns:
        The exit code.

    Raises:
        BadRequestError: The port cannot be used.
        ServiceUnavailableError: Something did not start.
    """
    with bind(settings.host, settings.port) as listener:
        url = address(listener)

        async def on_ready() -> None:
            await announce(url)

        supervisor = Supervisor(
            settings=settings,
            listener=listener,
            environment={**os.environ, **(found or {})},
            on_ready=on_ready,
        )
        return await supervisor.run()
