import logging
from pathlib import Path

import pytest

from chains.knowledge import retriever as module
from chains.knowledge.library import Library
from chains.knowledge.retriever import Retriever, open_retriever
from chains.knowledge.update import Line

ANIMALS = [
    Line("zebra", "Zebras eat grass on the plains.", "Zebras"),
    Line("zebra-2", "Zebras eat grass on the plains.", "Zebras"),
    Line("okapi", "Okapis live alone.\n\n" + "They have stripes on their legs. " * 60, "Okapis"),
    Line("lion", "Lions hunt zebras at night.", "Lions"),
    Line("redis", "Redis keeps conversations in memory.", "Redis"),
    Line("熊猫", "大熊猫主要吃竹子。", "熊猫"),
]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "index", None)
    library.add_lines(ANIMALS)
    return library


@pytest.fixture
def retriever(library: Library) -> Retriever:
    return Retriever(library.shelf.folder)


async def documents(retriever: Retriever, query: str, limit: int = 6) -> list[str]:
    return [passage.doc_id for passage in await retriever.search(query, limit=limit)]


async def test_the_best_passage_comes_first(retriever: Retriever) -> None:
    """A question finds the document that answers it, with all that a citation shows."""
    (passage, *_) = await retriever.search("What do lions hunt?")

    assert passage.doc_id == "lion"
    assert passage.title == "Lions"
    assert passage.text == "Lions hunt zebras at night."
    assert 0 < passage.score < 1


@pytest.mark.parametrize("query", ["熊猫吃什么？", "竹子"])
async def test_chinese_is_found(retriever: Retriever, query: str) -> None:
    """Characters and their pairs find Chinese text."""
    assert await documents(retriever, query) == ["熊猫"]


@pytest.mark.parametrize(
    "query",
    [
        "What is the capital of France?",
        "hello",
        "What is 2 + 2?",
        "Who wrote the poem about zebras in the twelfth century for the emperor of Japan?",
        "",
        "!?",
        "法国的首都在哪里？",
    ],
)
async def test_what_is_not_in_the_documents_finds_nothing(retriever: Retriever, query: str) -> None:
    """Small talk, numbers, and questions that share a single word find no passage."""
    assert await documents(retriever, query) == []


async def test_a_follow_up_finds_with_its_context(retriever: Retriever) -> None:
    """A question without a subject finds what the one before was about."""
    passages = await retriever.search("And when?", context="Where does Redis keep conversations?")

    assert [passage.doc_id for passage in passages] == ["redis"]
    assert await documents(retriever, "And when?") == []


async def test_repetitions_give_way(retriever: Retriever) -> None:
    """Of two passages that say the same, one is found, and another that mentions it."""
    assert await documents(retriever, "zebras", limit=2) == ["zebra", "lion"]


async def test_ranking_hides_nothing(retriever: Retriever) -> None:
    """For measuring, every passage that shares a word is listed, best first."""
    ranked = retriever.ranked("zebras France", limit=9)

    assert [p.score for p in ranked] == sorted((p.score for p in ranked), reverse=True)
    assert {"zebra", "zebra-2", "lion"} <= {passage.doc_id for passage in ranked}
    assert len(retriever.ranked("zebras", limit=1)) == 1


async def test_a_passage_is_shown_with_its_neighbours(retriever: Retriever) -> None:
    """The source of a citation opens with what stands around it, within its document."""
    first = next(p for p in retriever.ranked("okapis live alone", limit=9) if "alone" in p.text)

    view = await retriever.passage(first.id)

    assert view is not None
    assert (view.id, view.doc_id, view.title) == (first.id, "okapi", "Okapis")
    assert len(view.neighbours) == 1
    assert "stripes" in view.neighbours[0][1]
    lion = await retriever.passage((await retriever.search("lions hunt"))[0].id)
    assert lion is not None
    assert lion.neighbours == ()


@pytest.mark.parametrize("name", ["", "zzz", "0" * 16, "../../etc/passwd", "f" * 40, " 1", "+1"])
async def test_an_unknown_passage_is_none(retriever: Retriever, name: str) -> None:
    """Ids that no passage has, and such as are none, are answered alike."""
    assert await retriever.passage(name) is None


async def test_a_new_version_is_followed(library: Library) -> None:
    """A running service answers from the index another process has published."""
    clock = Clock()
    retriever = Retriever(library.shelf.folder, clock=clock)
    before = retriever.passages
    library.add_lines([Line("giraffe", "Giraffes eat leaves.")])

    assert await documents(retriever, "giraffes") == []
    clock.now += 2
    assert await documents(retriever, "giraffes") == ["giraffe"]
    assert retriever.passages == before + 1


async def test_a_broken_version_is_not_followed(library: Library) -> None:
    """What is open goes on answering when the next version cannot be opened."""
    clock = Clock()
    retriever = Retriever(library.shelf.folder, clock=clock)
    (library.shelf.folder / "current").write_text("999999\n")
    clock.now += 2

    assert await documents(retriever, "lions hunt") == ["lion"]


async def test_large_indexes_are_searched_beside_the_loop(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above a size the search leaves the event loop to others; what it finds is the same."""
    monkeypatch.setattr(module, "_INLINE_PASSAGES", 0)

    assert await documents(retriever, "lions hunt") == ["lion"]


async def test_without_an_index_nothing_is_found(tmp_path: Path) -> None:
    """A retriever may be opened before there is anything to retrieve."""
    retriever = Retriever(tmp_path / "index")

    assert await retriever.search("anything") == ()
    assert await retriever.passage("0" * 16) is None
    assert retriever.ranked("anything", limit=3) == ()
    assert retriever.passages == 0


async def test_opening_builds_the_index(tmp_path: Path) -> None:
    """At start the guide is indexed under the data directory."""
    guide = tmp_path / "knowledge"
    guide.mkdir()
    (guide / "page.md").write_text("# Page\n\nLions hunt zebras.\n")

    retriever = await open_retriever(guide, tmp_path / "data")

    assert await documents(retriever, "lions hunt") == ["guide/page.md"]


async def test_a_disk_that_cannot_be_written_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the index cannot be built the service starts without documents, and logs why."""
    (tmp_path / "data").write_text("a file where the folder should be")

    with caplog.at_level(logging.WARNING):
        retriever = await open_retriever(None, tmp_path / "data" / "x")

    assert retriever.passages == 0
    assert "could not be written" in caplog.text
