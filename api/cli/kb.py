"""`covenant kb`: add to, sync and search the knowledge base."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.settings import load_settings

if TYPE_CHECKING:
    from chains.knowledge.library import Library
    from chains.knowledge.retriever import Retriever
    from chains.knowledge.update import Changes, Progress

app = typer.Typer(
    help="Add to, sync and search the knowledge base.", no_args_is_help=True, add_completion=False
)

_FOUND = 1
_SNIPPET_CHARS = 160
_MOST = 1000

_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_Lines = Annotated[bool, typer.Option("--jsonl", help="Read JSON lines, from PATHs or stdin.")]


@app.command()
def add(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders.")] = None,
    *,
    jsonl: _Lines = False,
    as_json: _Json = False,
) -> None:
    """Add files and folders, or lines of {"doc_id", "title"?, "text"} with --jsonl."""
    from api.cli.kb_lines import open_lines, read_documents  # noqa: PLC0415 - imports numpy

    if not paths and not jsonl:
        raise typer.BadParameter("Name files or folders, or give lines with --jsonl.")
    library = _library()
    with _progress() as progress:
        if not jsonl:
            changes = library.add(paths or [], progress)
        else:
            with open_lines(paths or []) as lines:
                documents, failures = read_documents(lines)
            changes = library.add_lines(documents, progress)
            changes.failures[:0] = failures
    _told(changes, as_json=as_json)


@app.command()
def sync(*, as_json: _Json = False) -> None:
    """Follow what changed and what was deleted in everything that was added."""
    with _progress() as progress:
        changes = _library().sync(progress)
    _told(changes, as_json=as_json)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="As `covenant kb stats` shows it.")],
    *,
    as_json: _Json = False,
) -> None:
    """Forget a file or folder that was added; the files themselves are left alone."""
    _told(_library().remove(name), as_json=as_json)


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    top: Annotated[int, typer.Option(min=1, max=_MOST, help="Most hits.")] = 10,
    jsonl: _Lines = False,
    as_json: _Json = False,
) -> None:
    """Show what is found for a question, or for lines of {"id", "query"} with --jsonl."""
    if (query is None) is not jsonl:
        raise typer.BadParameter('Give one question, as "…", or lines of them with --jsonl.')
    retriever = _retriever()
    if query is None:
        from api.cli.kb_lines import search_lines  # noqa: PLC0415 - imports numpy

        raise typer.Exit(search_lines(retriever, sys.stdin.buffer, sys.stdout, top=top))
    hits = [
        {
            "id": passage.id,
            "doc_id": passage.doc_id,
            "title": passage.title,
            "heading": passage.heading,
            "page": passage.page,
            "score": round(passage.score, 4),
            "text": passage.text,
        }
        for passage in retriever.ranked(query, limit=top)
    ]
    least = retriever.least_score(query)
    if as_json:
        _print_json({"query": query, "least_score": least, "hits": hits})
    else:
        _print_hits(hits, least)
    if not hits:
        raise typer.Exit(_FOUND)


@app.command()
def stats(*, as_json: _Json = False) -> None:
    """Show what is indexed."""
    from api.cli.kb_lines import overview  # noqa: PLC0415 - imports numpy

    library = _library()
    library.ensure()
    found = overview(library)
    if as_json:
        _print_json(found)
        return
    print(f"{found['passages']:,} passages of {found['documents']:,} documents", end=", ")
    print(f"{found['bytes'] / 1e6:,.1f} MB in {found['folder']}")
    for root in found["roots"]:
        print(f"  {root['name']:<24} {root['documents']:>7,} documents  {root['path'] or ''}")


def _library() -> "Library":
    from api.places import knowledge_folder  # noqa: PLC0415 - imports the chain
    from chains.knowledge.library import Library, index_folder  # noqa: PLC0415 - imports numpy

    settings = load_settings()
    return Library(index_folder(settings.data_dir), knowledge_folder(settings))


def _retriever() -> "Retriever":
    from chains.knowledge.retriever import Retriever  # noqa: PLC0415 - imports numpy

    library = _library()
    library.ensure()
    return Retriever(library.shelf.folder)


@contextmanager
def _progress() -> Iterator["Progress"]:
    """A progress bar on standard error, where there is a terminal."""
    from rich.console import Console  # noqa: PLC0415 - costs 50 ms
    from rich.progress import (  # noqa: PLC0415 - costs 50 ms
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {phase: bar.add_task(phase, total=None) for phase in ("reading", "indexing")}
        yield lambda phase, done, total: bar.update(tasks[phase], completed=done, total=total)


def _told(changes: "Changes", *, as_json: bool) -> None:
    """Say what was done and what could not be read."""
    counts = {name: getattr(changes, name) for name in ("added", "changed", "removed", "unchanged")}
    failures = [{"name": each.name, "reason": each.reason} for each in changes.failures]
    if as_json:
        _print_json({**counts, "failures": failures, "interrupted": changes.interrupted})
    else:
        print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
        for failure in failures:
            print(f"skipped {failure['name']}: {failure['reason']}", file=sys.stderr)
        if changes.interrupted:
            print("Interrupted; the same command goes on from here.", file=sys.stderr)
    if failures or changes.interrupted:
        raise typer.Exit(_FOUND)


def _print_json(value: object) -> None:
    import json  # noqa: PLC0415 - as everything here, when it is needed

    print(json.dumps(value, ensure_ascii=False, indent=2))


def _print_hits(hits: Sequence[dict[str, Any]], least: float) -> None:
    if not hits:
        print("No passage shares a word with the question.")
    elif hits[0]["score"] < least:
        print(f"Nothing scores {least:.2f}: the bot would not find this in the documents.\n")
    for hit in hits:
        place = " | ".join(filter(None, (hit["title"], hit["heading"])))
        page = f", page {hit['page']}" if hit["page"] else ""
        mark = " " if hit["score"] >= least else "·"
        print(f"{mark} {hit['score']:.2f}  {place}{page}  ({hit['doc_id']})")
        print(f"        {' '.join(hit['text'].split())[:_SNIPPET_CHARS]}")
