"""`covenant check`: the rails alone, on a text or on JSON lines."""

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import orjson
import typer

from api.cli.main import FOUND, GOOD, WRONG_USE

if TYPE_CHECKING:  # the imports below cost seconds, and `--help` needs none of them
    from collections.abc import AsyncIterator, Collection

    from guardrails.rails import Rails
    from guardrails.verdict import Layer, Strictness

_BATCH: Final = 64
"""Lines that are checked together; whatever has come is not kept waiting for more."""


def command(
    text: Annotated[
        str | None, typer.Argument(help="What a person would write; standard input without it.")
    ] = None,
    *,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help='Read {"id"?, "text"} or {"id"?, "messages"} or {"id"?, "prompt", "response"} '
            "lines; print one verdict a line, in order.",
        ),
    ] = False,
    layers: Annotated[
        str | None,
        typer.Option(help="Limit to layers: rules,classifier[,judge]. Default: all there are."),
    ] = None,
    strictness: Annotated[str, typer.Option(help="off, monitor, balanced or strict.")] = "balanced",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the verdict and its trace for a program.")
    ] = False,
) -> None:
    """Judge a text by the policy in force, without a chat around it.

    Exits 0 where everything passes, 1 where something does not, 2 on wrong use.
    """
    chosen = _layers(layers)
    level = _strictness(strictness)
    found = asyncio.run(_check(text, chosen, level, jsonl=jsonl, as_json=as_json))
    raise typer.Exit(found)


async def _check(
    text: str | None,
    layers: "Collection[Layer] | None",
    strictness: "Strictness",
    *,
    jsonl: bool,
    as_json: bool,
) -> int:
    from api.checking import Case, checked, shown  # noqa: PLC0415 - costs seconds

    if jsonl and text is not None:
        _refuse("give either a text or --jsonl")
    if not jsonl and text is None:
        if sys.stdin.isatty():
            _refuse('give a text: covenant check "…"')
        text = sys.stdin.read()
    async with _rails(layers) as rails:
        if jsonl:
            return await _lines(rails, layers, strictness)
        result = await checked(rails, Case.of_text(None, text or ""), layers, strictness)
        print(orjson.dumps(result.full).decode() if as_json else shown(rails.policy, result))
        return GOOD if result.verdict == "pass" else FOUND


async def _lines(
    rails: "Rails", layers: "Collection[Layer] | None", strictness: "Strictness"
) -> int:
    """Answer every line of standard input by one line, in order."""
    from api.checking import checked, parsed, primed  # noqa: PLC0415 - costs seconds

    code = GOOD
    number = 0
    async for lines in _batches():
        cases = [parsed(line, number + index) for index, line in enumerate(lines, start=1)]
        number += len(lines)
        primed(rails, cases)
        for result in await asyncio.gather(
            *(checked(rails, case, layers, strictness) for case in cases)
        ):
            sys.stdout.write(orjson.dumps(result.line).decode() + "\n")
            if result.malformed:
                code = WRONG_USE
            elif result.verdict != "pass" and code == GOOD:
                code = FOUND
        sys.stdout.flush()
    return code


async def _batches() -> "AsyncIterator[list[bytes]]":
    """Lines as they come: all that are there, at most `_BATCH`; blank ones are left out."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(4 * _BATCH)
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin.buffer:
            if line.strip():
                asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()
        asyncio.run_coroutine_threadsafe(queue.put(None), loop).result()

    reading = asyncio.create_task(asyncio.to_thread(read))
    ended = False
    while not ended:
        lines: list[bytes] = []
        line = await queue.get()
        while line is not None:
            lines.append(line)
            # One turn of the loop lets the reader bring what already lies in the pipe.
            await asyncio.sleep(0)
            if len(lines) == _BATCH or queue.empty():
                break
            line = queue.get_nowait()
        ended = line is None
        if lines:
            yield lines
    await reading


@asynccontextmanager
async def _rails(layers: "Collection[Layer] | None") -> "AsyncIterator[Rails]":
    from api.places import find_model, judge_endpoint, policy_folder  # noqa: PLC0415 - costs seconds
    from api.settings import load_settings  # noqa: PLC0415 - costs seconds
    from guardrails.classifier.classifier import Classifier  # noqa: PLC0415 - costs seconds
    from guardrails.policy import load_policy  # noqa: PLC0415 - costs seconds
    from guardrails.rails import Rails  # noqa: PLC0415 - costs seconds
    from guardrails.source import PolicyError  # noqa: PLC0415 - costs seconds
    from guardrails.verdict import Layer  # noqa: PLC0415 - costs seconds

    settings = load_settings()
    judge = None
    if layers is None or Layer.JUDGE in layers:
        named = settings.guard.base_url is not None
        endpoint = None if named else (await find_model(settings)).endpoint
        judge = judge_endpoint(settings, endpoint)
        if judge is None and layers is not None:
            _refuse("there is no judge: set COVENANT_GUARD__BASE_URL and COVENANT_GUARD__NAME")
    classifies = layers is None or Layer.CLASSIFIER in layers
    try:
        rails = await Rails.compile(
            load_policy(policy_folder(settings)),
            classifier=Classifier.load() if classifies else None,
            judge=judge,
        )
    except PolicyError as error:
        _refuse(f"the policy has problems\n{error}")
    try:
        yield rails
    finally:
        await rails.aclose()


def _layers(named: str | None) -> "Collection[Layer] | None":
    from guardrails.verdict import Layer  # noqa: PLC0415 - `--help` needs it not

    if named is None:
        return None
    known = {layer.value: layer for layer in (Layer.RULES, Layer.CLASSIFIER, Layer.JUDGE)}
    names = [name.strip() for name in named.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        _refuse(f"unknown layer '{unknown[0]}'; layers are {', '.join(known)}")
    if "rules" not in names:
        _refuse("rules always run: write --layers rules,…")
    return [known[name] for name in names]


def _strictness(named: str) -> "Strictness":
    from guardrails.verdict import Strictness  # noqa: PLC0415 - `--help` needs it not

    try:
        return Strictness(named)
    except ValueError:
        _refuse(f"unknown strictness '{named}'; it is {', '.join(Strictness)}")


def _refuse(reason: str) -> NoReturn:
    print(f"covenant check: {reason}", file=sys.stderr)
    raise typer.Exit(WRONG_USE)
