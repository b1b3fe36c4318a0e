"""`covenant rails`: the prompt engineer's loop without the web page."""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table

from api.cli.main import FOUND, GOOD, WRONG_USE
from api.settings import load_settings

if TYPE_CHECKING:  # the imports below cost seconds, and `--help` needs none of them
    from guardrails.examples import ExampleResult
    from guardrails.rails import Rails
    from guardrails.versions import PolicyStore

app = typer.Typer(no_args_is_help=True, add_completion=False)

_Folder = Annotated[Path | None, typer.Argument(help="A policy folder; by default the one in use.")]
_Json = Annotated[bool, typer.Option("--json", help="Print for a program.")]
_Note = Annotated[str, typer.Option(help="Why, for the history.")]
_By = Annotated[str, typer.Option(help="Who, for the history.")]


@app.command()
def lint(folder: _Folder = None, *, as_json: _Json = False) -> None:
    """Say everything that is wrong with a policy folder: file, line, what, fix."""
    from guardrails.rails import lint as problems_of  # noqa: PLC0415 - costs seconds

    problems = problems_of(_folder(folder))
    if as_json:
        records = [{"file": p.file, "line": p.line, "what": p.what, "fix": p.fix} for p in problems]
        print(orjson.dumps(records).decode())
    else:
        for problem in problems:
            print(problem)
        if not problems:
            print("The policy is right.")
    raise typer.Exit(FOUND if problems else GOOD)


@app.command(name="test")
def run_tests(
    folder: _Folder = None,
    *,
    principle: Annotated[
        list[str] | None, typer.Option(help="Only this principle's examples; may be repeated.")
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Ask the judge too: every example must be exact.")
    ] = False,
    metamorphic: Annotated[
        bool, typer.Option("--metamorphic", help="Also in other tenses, with typos, in leetspeak.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Run the principles' examples; exit 1 where one comes out wrong."""
    results = asyncio.run(_results(_folder(folder), principle, judge=judge, changed=metamorphic))
    wrong = [result for result in results if result.holds is False]
    if as_json:
        print(orjson.dumps([_as_record(result) for result in results]).decode())
    else:
        _show_results(results)
    raise typer.Exit(FOUND if wrong else GOOD)


@app.command(name="try")
def try_out(
    text: Annotated[str, typer.Argument(help="What a person would write.")],
    *,
    response: Annotated[
        str | None, typer.Option(help="An answer to it: judged instead of the message.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="A policy folder.")] = None,
    strictness: Annotated[str, typer.Option(help="off, monitor, balanced or strict.")] = "balanced",
    as_json: _Json = False,
) -> None:
    """Judge a text by a folder that is not in force yet, and show every layer's verdict."""
    from api.checking import Case, checked, shown  # noqa: PLC0415 - costs seconds
    from guardrails.dialogue import Message, Role  # noqa: PLC0415 - costs seconds
    from guardrails.verdict import Strictness  # noqa: PLC0415 - costs seconds

    if strictness not in tuple(Strictness):
        _refuse(f"unknown strictness '{strictness}'; it is {', '.join(Strictness)}")

    async def judged() -> Any:
        rails = await _compiled(_folder(folder), judge=True)
        try:
            case = Case(None, (Message(Role.USER, text),), response)
            result = await checked(rails, case, None, Strictness(strictness))
        finally:
            await rails.aclose()
        return rails.policy, result

    policy, result = asyncio.run(judged())
    print(orjson.dumps(result.full).decode() if as_json else shown(policy, result))
    raise typer.Exit(GOOD if result.verdict == "pass" else FOUND)


@app.command()
def diff(
    before: Annotated[
        str | None, typer.Argument(help="A version or folder; by default the active version.")
    ] = None,
    after: Annotated[
        str | None, typer.Argument(help="A version or folder; by default the folder in use.")
    ] = None,
) -> None:
    """Show what changed between two policies, file by file; exit 1 where they differ."""
    import difflib  # noqa: PLC0415 - `--help` needs it not

    from guardrails.policy import SHIPPED, read_folder  # noqa: PLC0415 - costs time

    store = _store()
    active = store.active
    old = _resolved(store, before) if before else (store.folder(active) if active else SHIPPED)
    new = _resolved(store, after) if after else _folder(None)
    was, now = read_folder(old), read_folder(new)
    lines: list[str] = []
    for file in sorted({*was, *now}):
        lines.extend(
            difflib.unified_diff(
                was.get(file, b"").decode("utf-8", "replace").splitlines(),
                now.get(file, b"").decode("utf-8", "replace").splitlines(),
                f"before/{file}",
                f"after/{file}",
                lineterm="",
            )
        )
    print("\n".join(lines) if lines else "There is no difference.")
    raise typer.Exit(FOUND if lines else GOOD)


@app.command()
def versions(*, as_json: _Json = False) -> None:
    """List what was put into force, newest first."""
    store = _store()
    history = store.history()
    if as_json:
        records = [
            {"version": one.version, "at": one.at, "by": one.by, "note": one.note}
            for one in reversed(history)
        ]
        print(orjson.dumps({"active": store.active, "history": records}).decode())
        return
    if not history:
        print("Nothing was published yet; the folder in use is in force.")
        return
    table = Table("version", "in force since", "by", "note", box=None)
    for index, one in enumerate(reversed(history)):
        mark = f"[green]{one.version} ●[/]" if index == 0 else one.version
        table.add_row(mark, one.at.strftime("%Y-%m-%d %H:%M UTC"), one.by, one.note)
    Console().print(table)


@app.command()
def publish(
    folder: _Folder = None,
    *,
    note: _Note = "",
    by: _By = "",
    judge: Annotated[
        bool, typer.Option("--judge", help="Ask the judge about the examples too.")
    ] = False,
) -> None:
    """Put a folder into force everywhere, if it is right and its examples come out as they must."""
    from guardrails.examples import failures  # noqa: PLC0415 - costs seconds

    source = _folder(folder)
    results = asyncio.run(_results(source, None, judge=judge, changed=False))
    wrong = failures(results)
    if wrong:
        _show_results(results)
        print(f"covenant rails: not published: {len(wrong)} examples fail", file=sys.stderr)
        raise typer.Exit(FOUND)
    store = _store()
    version = store.save(source)
    _put_in_force(store, version, by=by, note=note)
    print(version)


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="The version to return to; by default the one before.")
    ] = None,
    *,
    note: _Note = "",
    by: _By = "",
) -> None:
    """Put an earlier version into force everywhere, at once and without tests."""
    from guardrails.source import PolicyError  # noqa: PLC0415 - costs time

    store = _store()
    if version is None:
        earlier = [one.version for one in store.history() if one.version != store.active]
        if not earlier:
            _refuse("there is no earlier version")
        version = earlier[-1]
    try:
        _put_in_force(store, version, by=by, note=note or "roll back")
    except PolicyError as error:
        _refuse(str(error))
    print(version)


def _put_in_force(store: "PolicyStore", version: str, *, by: str, note: str) -> None:
    """Record a version as active, and announce it to the fleet where there is one."""
    from redis.asyncio import Redis  # noqa: PLC0415 - `--help` needs it not
    from redis.exceptions import RedisError  # noqa: PLC0415 - `--help` needs it not

    from guardrails.versions import RedisPublisher  # noqa: PLC0415 - costs time

    archive = store.pack(version)
    records = load_settings().records_url

    async def announce() -> None:
        if records is None:
            return
        client = Redis.from_url(records.get_secret_value())
        try:
            await RedisPublisher(client).publish(version, archive)
        finally:
            await client.aclose()

    try:
        asyncio.run(announce())
    except (RedisError, OSError) as error:
        print(
            f"covenant rails: the records cannot be reached ({type(error).__name__}); "
            "nothing was changed",
            file=sys.stderr,
        )
        raise typer.Exit(FOUND) from None
    store.record(version, by=by or getpass.getuser(), note=note)


async def _results(
    folder: Path, principles: list[str] | None, *, judge: bool, changed: bool
) -> "list[ExampleResult]":
    from guardrails.examples import run_examples  # noqa: PLC0415 - costs seconds

    rails = await _compiled(folder, judge=judge)
    try:
        known = {principle.id for principle in rails.policy.principles}
        if unknown := [name for name in principles or () if name not in known]:
            _refuse(f"there is no principle '{unknown[0]}'")
        if judge and not rails.has_judge:
            _refuse("there is no judge: set COVENANT_GUARD__BASE_URL and COVENANT_GUARD__NAME")
        return await run_examples(rails, judge=judge, principles=principles, metamorphic=changed)
    finally:
        await rails.aclose()


async def _compiled(folder: Path, *, judge: bool) -> "Rails":
    from api.places import find_model, judge_endpoint  # noqa: PLC0415 - costs seconds
    from guardrails.classifier.classifier import Classifier  # noqa: PLC0415 - costs seconds
    from guardrails.policy import load_policy  # noqa: PLC0415 - costs seconds
    from guardrails.rails import Rails  # noqa: PLC0415 - costs seconds
    from guardrails.source import PolicyError  # noqa: PLC0415 - costs seconds

    settings = load_settings()
    endpoint = None
    if judge:
        named = settings.guard.base_url is not None
        model = None if named else (await find_model(settings)).endpoint
        endpoint = judge_endpoint(settings, model)
    try:
        return await Rails.compile(
            load_policy(folder), classifier=Classifier.load(), judge=endpoint
        )
    except PolicyError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FOUND) from None


def _show_results(results: "list[ExampleResult]") -> None:
    """A line for each principle, then every example that came out wrong."""
    table = Table("principle", "violating found", "allowed free", "needs the judge", box=None)
    for name in dict.fromkeys(result.principle for result in results):
        own = [result for result in results if result.principle == name]
        cells = []
        for kinds in (("violates", "metamorphic"), ("allowed",)):
            told = [r for r in own if r.kind in kinds and r.holds is not None]
            good = sum(r.holds is True for r in told)
            colour = "green" if good == len(told) else "red"
            cells.append(f"[{colour}]{good}/{len(told)}[/]")
        table.add_row(name, *cells, str(sum(r.holds is None for r in own)))
    console = Console()
    console.print(table)
    for result in results:
        if result.holds is False:
            by = f" by {result.layer.value}" if result.layer else ""
            score = "" if result.score is None else f" ({result.score:.3f})"
            verdict = f"{result.outcome.value}{by}{score}"
            console.print(
                f"✗ {result.principle}, {result.kind} {result.index + 1}: {verdict}\n"
                f"    {result.text}",
                markup=False,
                highlight=False,
            )


def _as_record(result: "ExampleResult") -> dict[str, Any]:
    return {
        "principle": result.principle,
        "kind": result.kind,
        "index": result.index,
        "text": result.text,
        "outcome": result.outcome,
        "named": result.named,
        "layer": result.layer,
        "score": result.score,
        "holds": result.holds,
    }


def _folder(named: Path | None) -> Path:
    from api.places import policy_folder  # noqa: PLC0415 - costs seconds

    if named is not None and not named.is_dir():
        _refuse(f"there is no folder {named}")
    return policy_folder(load_settings()) if named is None else named


def _store() -> "PolicyStore":
    from api.places import policies_folder  # noqa: PLC0415 - costs seconds
    from guardrails.versions import PolicyStore  # noqa: PLC0415 - costs time

    return PolicyStore(policies_folder(load_settings()))


def _resolved(store: "PolicyStore", name: str) -> Path:
    from guardrails.source import PolicyError  # noqa: PLC0415 - costs time

    if Path(name).is_dir():
        return Path(name)
    try:
        return store.folder(name)
    except PolicyError:
        _refuse(f"'{name}' is neither a folder nor a published version")


def _refuse(reason: str) -> NoReturn:
    print(f"covenant rails: {reason}", file=sys.stderr)
    raise typer.Exit(WRONG_USE)
