"""One service process: `python -m api.worker --fd N`, started by `api.supervisor`."""

import argparse
import os
import signal
import socket
import sys
import threading

import uvicorn

from api.app import create_app
from api.observability import configure_logs
from api.settings import Settings, SettingsError, load_settings

_BACKLOG = 2048


def server(settings: Settings) -> uvicorn.Server:
    """Make the HTTP server of one process.

    Access lines are ours (`api.observability`): uvicorn's would show query strings.
    """
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            http="httptools",
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            lifespan="on",
            backlog=_BACKLOG,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # The app ends its streams within `drain`; the rest is for their last bytes.
            timeout_graceful_shutdown=int(settings.runs.drain.total_seconds()) + 2,
        )
    )


def main() -> int:
    """Serve on an inherited listening socket until SIGTERM, or until the supervisor is gone."""
    parser = argparse.ArgumentParser(prog="api.worker")
    parser.add_argument("--fd", type=int, required=True, help="an inherited listening socket")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before any logging exists
        return 2
    configure_logs(settings.log_level)
    threading.Thread(target=_stop_with_supervisor, daemon=True).start()
    http = server(settings)
    http.run(sockets=[socket.socket(fileno=arguments.fd)])
    return 0 if http.started else 1


def _stop_with_supervisor() -> None:
    """End this process when the other end of its standard input closes."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
