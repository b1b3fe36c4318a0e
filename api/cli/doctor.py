"""`covenant doctor`: what was found, what is missing, and the next command to type."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from rich.console import Console
from rich.table import Table

from api.app import FRONTEND
from api.cli.main import FOUND, GOOD
from api.embedded_redis import redis_server_binary
from api.places import find_model, judge_endpoint, knowledge_folder, policy_folder
from api.settings import Settings, load_settings
from api.supervisor import bind
from chains.errors import CovenantError
from chains.qwen.discovery import Discovery, Outcome

_SIGNS = {"good": "[green]✓[/]", "degraded": "[yellow]![/]", "missing": "[red]✗[/]"}
_MIN_FREE = 200 * 2**20
"""Bytes of disk under which records and downloads are in danger."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["good", "degraded", "missing"]
    """`degraded`: the service runs without it, and says so."""
    detail: str
    next: str | None = None
    """What to type or set."""


def command(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings for a program.")
    ] = False,
) -> None:
    """Look at everything a service needs; exit 1 where something must be mended first."""
    findings = list(asyncio.run(examine(load_settings())))
    if as_json:
        print(orjson.dumps([asdict(finding) for finding in findings]).decode())
    else:
        _show(findings)
    must_mend = any(finding.state == "missing" for finding in findings)
    raise typer.Exit(FOUND if must_mend else GOOD)


async def examine(settings: Settings) -> Iterable[Finding]:
    """Look at everything, starting nothing."""
    discovery = await find_model(settings)
    return [
        Finding("Python", "good", f"{sys.version.split()[0]} at {sys.executable}"),
        _page(),
        _port(settings),
        _redis("conversations", settings.redis_url is not None, "COVENANT_REDIS_URL"),
        _redis("records", settings.records_url is not None, "COVENANT_RECORDS_URL"),
        _data(settings.data_dir),
        *_models(discovery),
        _judge(settings, discovery),
        _looked("policy", lambda: _policy(settings)),
        _looked("classifier", _classifier),
        _knowledge(settings),
    ]


def _page() -> Finding:
    if (FRONTEND / "index.html").exists():
        return Finding("page", "good", "built")
    return Finding("page", "degraded", "not built; the API works without it", "make setup")


def _port(settings: Settings) -> Finding:
    where = f"http://{settings.host}:{settings.port}"
    try:
        bind(settings.host, settings.port).close()
    except CovenantError as error:
        return Finding("port", "missing", error.message, f"COVENANT_PORT={settings.port + 1}")
    return Finding("port", "good", f"{where} is free")


def _redis(what: str, configured: bool, variable: str) -> Finding:  # noqa: FBT001 - two states
    if configured:
        return Finding(what, "good", f"the server of {variable}")
    try:
        return Finding(what, "good", f"embedded: {redis_server_binary()}")
    except CovenantError as error:
        return Finding(what, "missing", error.message, f"set {variable}")


def _data(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return Finding("data", "missing", f"{folder} cannot be written", "set COVENANT_DATA_DIR")
    free = shutil.disk_usage(existing).free
    if free < _MIN_FREE:
        return Finding("data", "missing", f"{free // 2**20} MB free under {folder}", "make room")
    return Finding("data", "good", f"{folder.absolute()}, {free // 2**30} GB free")


def _models(discovery: Discovery) -> Iterable[Finding]:
    for probe in discovery.tried:
        used = probe.outcome is Outcome.USED
        state: Literal["good", "degraded"] = (
            "good" if used or probe.outcome is Outcome.AVAILABLE else "degraded"
        )
        if used or probe.outcome is not Outcome.ABSENT:
            mark = "answers" if used else probe.outcome.value
            yield Finding(f"model: {probe.source}", state, f"{probe.where} ({mark}). {probe.note}")
    if discovery.endpoint is None and discovery.local_model is None:
        looked = ", ".join(f"{probe.source} {probe.where}" for probe in discovery.tried)
        yield Finding(
            "model",
            "degraded",
            f"none found; answers are quoted from the documents. Looked at: {looked}.",
            "covenant model fetch, or start Ollama with a qwen model, or set DASHSCOPE_API_KEY "
            "or COVENANT_MODEL__BASE_URL",
        )


def _judge(settings: Settings, discovery: Discovery) -> Finding:
    judge = judge_endpoint(settings, discovery.endpoint)
    if judge is not None:
        return Finding("judge", "good", f"{judge.model} ({judge.speaks.value})")
    if discovery.local_model is not None:
        return Finding("judge", "good", "the embedded model, once it is started")
    return Finding(
        "judge",
        "degraded",
        "none: rules and classifier decide alone",
        "set COVENANT_GUARD__BASE_URL and COVENANT_GUARD__NAME, or give the service a model",
    )


def _policy(settings: Settings) -> str:
    from guardrails.policy import load_policy  # noqa: PLC0415 - the other findings need it not

    policy = load_policy(policy_folder(settings))
    return (
        f"version {policy.version}, {len(policy.principles)} principles, strictness "
        f"{settings.flags.strictness.value}"
    )


def _classifier() -> str:
    from guardrails.classifier.classifier import Classifier  # noqa: PLC0415 - loads its weights

    Classifier.load()
    return "weights loaded"


def _knowledge(settings: Settings) -> Finding:
    folder = knowledge_folder(settings)
    documents = sum(path.is_file() for path in folder.rglob("*")) if folder.is_dir() else 0
    if documents:
        return Finding("knowledge", "good", f"{documents} documents in {folder}")
    return Finding(
        "knowledge",
        "degraded",
        f"no documents in {folder}",
        "covenant kb add PATH, or set COVENANT_KNOWLEDGE_DIR",
    )


def _looked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "good", look())
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever is wrong
        return Finding(what, "missing", str(error), f"covenant {what} --help")


def _show(findings: list[Finding]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row(_SIGNS[finding.state], finding.what, finding.detail)
        if finding.next and finding.state != "good":
            table.add_row("", "", f"[bold]→ {finding.next}[/]")
    Console(soft_wrap=False).print(table)
