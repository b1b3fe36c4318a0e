"""Logs hold places and ids, never words."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from api.observability import Level, configure_logs, watch_loop


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:  # type: ignore[explicit-override]  # StringIO's own
        return True


def test_our_lines_are_json() -> None:
    """Where no terminal reads them, our lines are one JSON object each, with time and level."""
    stream = io.StringIO()
    configure_logs(stream=stream)

    structlog.get_logger("covenant.test").info("request", status=200)

    line = json.loads(stream.getvalue())
    assert line["event"] == "request"
    assert line["status"] == 200
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_a_librarys_words_are_left_out() -> None:
    """Of another library's line only the place is kept, and of its exception only the class."""
    stream = io.StringIO()
    configure_logs(stream=stream)

    try:
        int("canary in an exception")
    except ValueError:
        logging.getLogger("some.library").exception("canary in a message %s", "canary")
    logging.getLogger("some.library").info("not even this")

    line = json.loads(stream.getvalue())
    assert line["logger"] == "some.library"
    assert line["error"] == "ValueError"
    assert "test_observability.py" in line["at"]
    assert "canary" not in stream.getvalue()


def test_the_servers_words_are_kept() -> None:
    """The server's own lines hold addresses and states, and are useful."""
    stream = Terminal()
    configure_logs(stream=stream)

    logging.getLogger("uvicorn.error").warning("Application shutdown failed")

    assert "Application shutdown failed" in stream.getvalue()


def test_a_library_cannot_raise_its_own_voice() -> None:
    """A library that sets its own logger to DEBUG is heard from warnings on like every other."""
    stream = io.StringIO()
    configure_logs("debug", stream=stream)
    loud = logging.getLogger("loud.library")
    loud.setLevel(logging.DEBUG)

    loud.debug("chatter")
    loud.warning("something")

    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("level", "lines"), [("info", 2), ("warning", 1), ("error", 0)])
def test_less_severe_lines_are_left_out(level: Level, lines: int) -> None:
    """The level decides which of our lines are written."""
    stream = io.StringIO()
    configure_logs(level, stream=stream)
    log = structlog.get_logger("covenant.test")

    log.info("one")
    log.warning("two")

    assert len(stream.getvalue().splitlines()) == lines


async def test_what_nobody_awaited_is_named_by_its_place() -> None:
    """A task that fails unseen is logged without its exception's message."""
    stream = io.StringIO()
    configure_logs(stream=stream)
    loop = asyncio.get_running_loop()
    watch_loop(loop)

    loop.call_exception_handler(
        {"message": "canary in context", "exception": RuntimeError("canary")}
    )
    loop.call_exception_handler({"message": "canary"})

    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["error"]) == ("unattended", "RuntimeError")
    assert second["event"] == "unattended"
    assert "canary" not in stream.getvalue()
