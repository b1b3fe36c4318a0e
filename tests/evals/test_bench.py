import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import pytest

from evals.bench import __main__ as bench
from evals.bench.load import Request, open_loop
from evals.bench.processes import cost_of, free_port, started
from evals.bench.relay import create_relay
from evals.bench.upstream import Connection, Pace

PACE = Pace(timedelta(milliseconds=20), 1000, 24, timedelta(milliseconds=5))
PLAN = bench.Plan(20, 0.5, 1, 1, 2, ("--tokens", "10", "--tokens-per-second", "1000"))


@asynccontextmanager
async def upstream() -> AsyncIterator[int]:
    port = free_port()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(PACE), "127.0.0.1", port)
    async with server:
        yield port


def stream_request(model: str = "qwen-bench", last: bytes = b"data: [DONE]") -> Request:
    body = {"model": model, "stream": "judge" not in model, "messages": []}
    return Request(bench._post("/v1/chat/completions", body), b'"content"', last)


async def test_the_upstream_keeps_its_pace() -> None:
    """The first token comes after its delay and the last after all of them."""
    async with upstream() as port:
        (chat,) = await open_loop(port, [stream_request()], rate=1, seconds=1)

    assert chat.outcome == "complete"
    assert chat.first is not None
    assert chat.total is not None
    assert 0.02 <= chat.first < chat.total
    assert chat.total >= 0.02 + 23 / 1000


async def test_the_judge_finds_nothing_after_its_delay() -> None:
    """A judge's request gets strict JSON with no violation."""
    async with upstream() as port:
        (chat,) = await open_loop(
            port, [stream_request("qwen-judge", b'{\\"violations\\": []')], rate=1, seconds=1
        )

    assert chat.outcome == "complete"


async def test_an_answer_without_its_end_is_incomplete() -> None:
    """A stream whose last mark never comes does not count as complete."""
    async with upstream() as port:
        (chat,) = await open_loop(port, [stream_request(last=b"never")], rate=1, seconds=1)

    assert chat.outcome == "incomplete"


async def test_a_target_that_is_down_is_an_error() -> None:
    """A refused connection counts as an error and ends the load."""
    chats = await open_loop(free_port(), [stream_request()], rate=20, seconds=0.2)

    assert [chat.outcome for chat in chats] == ["error"] * 4


async def test_latency_counts_from_the_schedule() -> None:
    """Chats start at their rate, whether or not earlier ones have ended."""
    async with upstream() as port:
        chats = await open_loop(port, [stream_request()], rate=100, seconds=0.2)

    assert len(chats) == 20
    gaps = [b.scheduled - a.scheduled for a, b in pairwise(chats)]
    assert gaps == pytest.approx([0.01] * 19)


async def test_a_round_measures_a_started_target() -> None:
    """The bare upstream, started as a process, answers every chat and costs some CPU."""
    figures = await bench.measure(bench.bare_upstream, PLAN, 0)

    assert (figures.errors, figures.incomplete) == (0, 0)
    assert 50 < figures.p50_ms < 5000
    assert figures.memory_mb > 5
    assert "upstream" in bench.table({"upstream": [figures]})


async def test_a_target_that_ends_at_once_is_named() -> None:
    """A module that does not serve fails the start with its name."""
    with pytest.raises(RuntimeError, match=r"json\.tool"):
        async with started("json.tool", (), port=free_port(), environment={}):
            pass


def test_a_process_costs_memory() -> None:
    """The cost of this very process is more than nothing."""
    assert cost_of(os.getpid()).memory > 2**20


def test_the_relay_is_plain() -> None:
    """The yardstick offers one path and checks nothing."""
    app = create_relay("http://127.0.0.1:1/v1")

    assert "/chat" in app.openapi()["paths"]
