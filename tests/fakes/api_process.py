"""The application with a scripted chain as a process of its own.

`python -m tests.fakes.api_process` takes the Redis URL, a data directory and the drain time in
seconds; it prints its port.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import uvicorn
from pydantic import SecretStr

from api.app import create_app
from api.settings import RunSettings, Settings
from tests.fakes.scripted_chat import ScriptedBackend, ScriptedChat, answered, deltas, started


async def main(redis_url: str, folder: str, drain: str) -> None:
    """Serve until SIGTERM."""
    pauses = [step for delta in deltas(*["word "] * 20) for step in (0.05, delta)]
    script = [started, *pauses, *answered()[-4:]]
    settings = Settings(
        redis_url=SecretStr(redis_url),
        records_url=SecretStr(redis_url),
        data_dir=Path(folder),
        runs=RunSettings(drain=timedelta(seconds=float(drain))),
    )
    app = create_app(settings, backend=ScriptedBackend(chat=ScriptedChat(script=script)))
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)  # noqa: T201 - its parent reads it
    await serving


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
