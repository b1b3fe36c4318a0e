"""Logs: one line a request, one a run, one an event of the service; ids and timings, never words.

Our own lines come from structlog and hold only what was put into them on purpose. Lines of other
libraries may quote what they were given, so of those only the place is kept.
"""

import asyncio
import logging
import sys
from typing import Any, Final, Literal, TextIO

import orjson
import structlog
from typing_extensions import override

from api.middleware import origin

Level = Literal["debug", "info", "warning", "error"]
_TRUSTED: Final = ("uvicorn",)
"""Libraries whose messages hold addresses, process ids and states alone."""


class PlaceOnly(logging.Formatter):
    """Says where a library's line came from; its words only where they cannot be a person's."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Write one record, without its exception's message."""
        trusted = record.name.split(".")[0] in _TRUSTED
        line: dict[str, Any] = {
            "event": record.getMessage() if trusted else "library",
            "level": record.levelname.lower(),
            "logger": record.name,
            "at": f"{record.pathname}:{record.lineno}",
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= origin(record.exc_info[1])
        if self._as_json:
            return orjson.dumps(line).decode()
        return " ".join(f"{name}={value}" for name, value in line.items())


def configure_logs(level: Level = "info", *, stream: TextIO | None = None) -> None:
    """Set up the process's logs, once, at its entry.

    Args:
        level: Least severe lines to write.
        stream: Where to; standard error by default. JSON lines where it is no terminal.
    """
    target = stream or sys.stderr
    as_json = not target.isatty()
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if as_json
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(PlaceOnly(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    handler.setLevel(root.level)  # a library may set its own logger to DEBUG, as bm25s does


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Log what nobody awaited by its place; asyncio's own way prints the exception's message."""
    log = structlog.get_logger("covenant.loop")

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        where = origin(error) if isinstance(error, BaseException) else {}
        log.error("unattended", **where)

    loop.set_exception_handler(handle)


def _dumps(line: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()
