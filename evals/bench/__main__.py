"""`make bench`: what a guarded chat costs beside its bare upstream and a plain LangChain relay.

Each round measures every target under the same open-loop load; the table shows the median and the
spread of the rounds. Read the ratios and the CPU per chat: latencies in milliseconds depend on the
machine and on what else it is doing.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import aiohttp

from evals.bench.load import Chat, Request, open_loop
from evals.bench.processes import cost_of, free_port, started

_WARM_UP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One benchmark."""

    rate: float
    """Chats started a second."""
    seconds: float
    rounds: int
    workers: int
    """Worker processes of the service."""
    sessions: int
    pace: tuple[str, ...]
    """Arguments of the upstream."""


@dataclass(frozen=True, slots=True)
class Running:
    """A target that can be loaded."""

    port: int
    pid: int
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """One round of one target."""

    p50_ms: float
    p95_ms: float
    first_p50_ms: float
    """To the first piece of text."""
    cpu_ms: float
    """CPU per chat of the target's process tree."""
    cpu_percent: float
    """Of one core."""
    memory_mb: float
    errors: int
    incomplete: int


Target = Callable[[Plan, int], AbstractAsyncContextManager[Running]]
"""Starts a target in front of the upstream on a port."""


@asynccontextmanager
async def bare_upstream(plan: Plan, _upstream: int) -> AsyncIterator[Running]:
    """An upstream of its own, asked directly: the floor, and the ideal latency."""
    port = free_port()
    arguments = ("--port", str(port), *plan.pace)
    body = {"model": "qwen-bench", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    request = Request(_post("/v1/chat/completions", body), b'"content"', b"data: [DONE]")
    async with started("evals.bench.upstream", arguments, port=port, environment={}) as pid:
        yield Running(port, pid, (request,))


@asynccontextmanager
async def relay(_plan: Plan, upstream: int) -> AsyncIterator[Running]:
    """`ChatOpenAI.astream` behind FastAPI, one process, nothing checked."""
    port = free_port()
    url = f"http://127.0.0.1:{upstream}/v1"
    request = Request(_post("/chat", {"message": "Hi"}), b"data: ", b"data: [DONE]")
    arguments = ("--port", str(port), "--upstream", url)
    async with started("evals.bench.relay", arguments, port=port, environment={}) as pid:
        yield Running(port, pid, (request,))


@asynccontextmanager
async def covenant(plan: Plan, upstream: int) -> AsyncIterator[Running]:
    """The whole service: tokens, history, retrieval, every rail."""
    port = free_port()
    url = f"http://127.0.0.1:{upstream}/v1"
    with tempfile.TemporaryDirectory() as data:
        environment = {
            "COVENANT_PORT": str(port),
            "COVENANT_WORKERS": str(plan.workers),
            "COVENANT_DATA_DIR": data,
            "COVENANT_MODEL__BASE_URL": url,
            "COVENANT_MODEL__NAME": "qwen-bench",
            "COVENANT_GUARD__BASE_URL": url,
            "COVENANT_GUARD__NAME": "qwen-bench-judge",
            "COVENANT_LIMITS__ENABLED": "false",
        }
        async with started("api.cli", ("serve",), port=port, environment=environment) as pid:
            tokens = await _sessions(port, plan.sessions)
            yield Running(port, pid, tuple(_chat(token, n) for n, token in enumerate(tokens)))


TARGETS: dict[str, Target] = {"upstream": bare_upstream, "relay": relay, "covenant": covenant}


async def _sessions(port: int, count: int) -> list[str]:
    async with aiohttp.ClientSession() as http:
        tokens = []
        for _ in range(count):
            async with http.post(f"http://127.0.0.1:{port}/api/v1/chat/start", json={}) as answer:
                answer.raise_for_status()
                tokens.append((await answer.json())["token"])
        return tokens


def _chat(token: str, number: int) -> Request:
    body = {"message": f"How do citations work, and what does number {number} stand for?"}
    return Request(
        _post(
            "/api/v1/chat",
            body,
            f"authorization: Bearer {token}\r\naccept: text/event-stream\r\n",
        ),
        b"event: message.delta",
        b"event: run.finished",
    )


def _post(path: str, body: dict[str, Any], headers: str = "") -> bytes:
    payload = json.dumps(body)
    return (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"{headers}content-length: {len(payload)}\r\n\r\n{payload}"
    ).encode()


async def measure(target: Target, plan: Plan, upstream: int) -> Figures:
    """Load one target for one round."""
    async with target(plan, upstream) as running:
        load = partial(open_loop, running.port, running.requests)
        await load(rate=plan.rate / 4, seconds=_WARM_UP_SECONDS)
        before = cost_of(running.pid)
        chats = await load(rate=plan.rate, seconds=plan.seconds)
        after = cost_of(running.pid)
    cpu = (after.cpu - before.cpu).total_seconds()
    totals = [chat.total for chat in chats if chat.total is not None]
    firsts = [chat.first for chat in chats if chat.first is not None]
    return Figures(
        p50_ms=_percentile(totals, 50) * 1e3,
        p95_ms=_percentile(totals, 95) * 1e3,
        first_p50_ms=_percentile(firsts, 50) * 1e3,
        cpu_ms=cpu / len(chats) * 1e3,
        cpu_percent=cpu / plan.seconds * 100,
        memory_mb=after.memory / 2**20,
        errors=_count(chats, "error"),
        incomplete=_count(chats, "incomplete"),
    )


def _count(chats: list[Chat], outcome: str) -> int:
    return sum(chat.outcome == outcome for chat in chats)


def _percentile(values: list[float], percent: int) -> float:
    if len(values) < 2:  # noqa: PLR2004 - quantiles need two
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def table(rounds: dict[str, list[Figures]]) -> str:
    """The medians of all rounds, with the spread of the CPU per chat."""
    head = "target      p50 ms  p95 ms  first ms  CPU ms/chat (min..max)  CPU %  MB  err  cut"
    lines = [head]
    for name, figures in rounds.items():
        median = {
            key: statistics.median(asdict(figure)[key] for figure in figures)
            for key in asdict(figures[0])
        }
        cpu = [figure.cpu_ms for figure in figures]
        lines.append(
            f"{name:<10} {median['p50_ms']:>7.0f} {median['p95_ms']:>7.0f} "
            f"{median['first_p50_ms']:>9.0f} {median['cpu_ms']:>8.2f} "
            f"({min(cpu):.2f}..{max(cpu):.2f}) {median['cpu_percent']:>7.0f} "
            f"{median['memory_mb']:>4.0f} {sum(f.errors for f in figures):>4} "
            f"{sum(f.incomplete for f in figures):>4}"
        )
    return "\n".join(lines)


async def bench(plan: Plan, names: list[str]) -> dict[str, list[Figures]]:
    """Run all rounds, the targets of a round one after another."""
    port = free_port()
    arguments = ("--port", str(port), *plan.pace)
    rounds: dict[str, list[Figures]] = {name: [] for name in names}
    async with started("evals.bench.upstream", arguments, port=port, environment={}):
        for number in range(plan.rounds):
            for name in names:
                print(f"round {number + 1}: {name} ...", file=sys.stderr)
                rounds[name].append(await measure(TARGETS[name], plan, port))
    return rounds


def main() -> int:
    """Read the plan from the command line, run it, print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rate", type=float, default=20, help="chats a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--json", action="store_true", help="print the raw figures")
    given = parser.parse_args()
    plan = Plan(
        given.rate,
        given.seconds,
        given.rounds,
        given.workers,
        given.sessions,
        ("--tokens", str(given.tokens)),
    )
    rounds = asyncio.run(bench(plan, given.target or list(TARGETS)))
    if given.json:
        print(json.dumps({n: [asdict(f) for f in figures] for n, figures in rounds.items()}))
    else:
        print(table(rounds))
    failed = any(figure.errors or figure.incomplete for f in rounds.values() for figure in f)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
