import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from chains.errors import BadRequestError
from chains.knowledge import scan, update
from chains.knowledge.builder import Addition
from chains.knowledge.library import Library
from chains.knowledge.retriever import Retriever
from chains.knowledge.update import Changes, Line
from chains.knowledge.version import MANIFEST, DocumentRecord, IndexVersion


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    folder = tmp_path / "knowledge"
    (folder / "zh").mkdir(parents=True)
    (folder / "start.md").write_text("# Start\n\nType make run.\n", encoding="utf-8")
    (folder / "zh" / "start.md").write_text("# 开始\n\n输入命令。\n", encoding="utf-8")
    return folder


@pytest.fixture
def library(tmp_path: Path, guide: Path) -> Library:
    return Library(tmp_path / "index", guide)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "zebra.txt").write_text("Zebras eat grass.")
    (folder / "lion.md").write_text("# Lions\n\nLions eat zebras.\n")
    (folder / ".hidden.md").write_text("Hidden.")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def version_of(library: Library) -> IndexVersion:
    version = library.shelf.open()
    assert version is not None
    return version


def ids(library: Library) -> list[str]:
    return sorted(record.id for record in version_of(library).documents())


def counts(changes: Changes) -> tuple[int, int, int, int]:
    return changes.added, changes.changed, changes.removed, changes.unchanged


def found(library: Library, query: str) -> list[str]:
    return [passage.doc_id for passage in Retriever(library.shelf.folder).ranked(query, limit=9)]


def test_the_guide_is_indexed_at_start(library: Library) -> None:
    """The first start builds the index; the second one finds it as it is."""
    assert counts(library.ensure()) == (2, 0, 0, 0)
    name = library.shelf.current()

    assert counts(library.ensure()) == (0, 0, 0, 2)
    assert library.shelf.current() == name
    assert ids(library) == ["guide/start.md", "guide/zh/start.md"]


def test_a_changed_guide_is_noticed_by_its_bytes(library: Library, guide: Path) -> None:
    """A new release may keep sizes and dates: the text decides."""
    library.ensure()
    page = guide / "start.md"
    before = page.stat()
    page.write_text("# Start\n\nType make fun.\n", encoding="utf-8")
    os.utime(page, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert counts(library.ensure()) == (0, 1, 0, 1)
    assert found(library, "fun") == ["guide/start.md"]


def test_a_base_without_a_guide_forgets_it(library: Library, tmp_path: Path) -> None:
    """Whoever starts without shipped documents finds none of an earlier start."""
    library.ensure()
    alone = Library(tmp_path / "index", None)

    assert counts(alone.ensure()) == (0, 0, 2, 0)
    assert ids(alone) == []


def test_folders_and_files_are_added(library: Library, docs: Path, tmp_path: Path) -> None:
    """Documents are found under their root's name; hidden files and other formats are not."""
    (tmp_path / "one.txt").write_text("Giraffes eat leaves.")

    changes = library.add([docs, tmp_path / "one.txt"])

    assert counts(changes) == (3, 0, 0, 0)
    assert [name for name in ids(library) if not name.startswith("guide")] == [
        "docs/lion.md",
        "docs/zebra.txt",
        "one.txt",
    ]


def test_sync_reads_only_what_changed(
    library: Library, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unchanged files are not opened; changes, new files and deletions are followed."""
    library.ensure()
    library.add([docs])
    (docs / "zebra.txt").unlink()
    (docs / "lion.md").write_text("# Lions\n\nLions sleep a lot these days.\n")
    (docs / "new.txt").write_text("Hyenas laugh.")
    read: list[str] = []

    def recorded(file: scan.FoundFile, known: DocumentRecord | None) -> Addition | None:
        read.append(file.path.name)
        return scan.read(file, known)

    monkeypatch.setattr(update, "read", recorded)

    assert counts(library.sync()) == (1, 1, 1, 2)
    assert sorted(read) == ["lion.md", "new.txt"]
    assert found(library, "zebras") == []
    assert found(library, "sleep") == ["docs/lion.md"]


def test_a_touched_file_is_not_a_changed_file(library: Library, docs: Path) -> None:
    """Another date with the same bytes leaves the version as it is."""
    library.ensure()
    library.add([docs])
    name = library.shelf.current()
    os.utime(docs / "zebra.txt")

    assert not library.sync()
    assert library.shelf.current() == name


def test_passages_keep_their_ids_while_their_words_stay(library: Library, docs: Path) -> None:
    """Citations of an old answer open after the index was built again."""
    library.add([docs])
    before = {p.text: p.id for p in Retriever(library.shelf.folder).ranked("zebras", limit=9)}
    (docs / "aaa.txt").write_text("Something about zebras that comes first.")
    library.sync()

    after = {p.text: p.id for p in Retriever(library.shelf.folder).ranked("zebras", limit=9)}

    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after) == 3


def test_repeated_words_of_a_document_have_ids_of_their_own(library: Library, docs: Path) -> None:
    """The same paragraph under the same heading twice is two passages."""
    (docs / "twice.md").write_text("## A\n\nSame.\n\n## B\n\nOther.\n\n## A\n\nSame.\n")
    library.add([docs])
    version = version_of(library)

    names = [version.passage(number).id for number in range(len(version))]

    assert len(set(names)) == len(names)
    assert [version.find(name) for name in names] == list(range(len(names)))


def test_bad_files_are_reported_and_skipped(library: Library, docs: Path) -> None:
    """One unreadable file does not keep the others out, and is named with its reason."""
    (docs / "broken.txt").write_bytes(b"\x00\x01")

    changes = library.add([docs])

    assert changes.added == 2
    assert [(Path(each.name).name, each.reason) for each in changes.failures] == [
        ("broken.txt", "It is not text.")
    ]


def test_a_file_that_turns_bad_keeps_its_last_words(library: Library, docs: Path) -> None:
    """What was readable stays found until there is something better."""
    library.add([docs])
    (docs / "zebra.txt").write_bytes(b"\x00\x01")

    changes = library.sync()

    assert len(changes.failures) == 1
    assert found(library, "grass") == ["docs/zebra.txt"]


def test_an_oversized_file_is_refused(
    library: Library, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beyond the bound is not read into memory."""
    monkeypatch.setattr(scan, "MAX_BYTES", 10)

    assert all("larger than" in each.reason for each in library.add([docs]).failures)


def test_a_file_nobody_can_read_is_not_followed(library: Library, tmp_path: Path) -> None:
    """Adding a foreign format reports it once and not at every sync."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG")

    assert len(library.add([picture]).failures) == 1
    assert library.sync().failures == []


def test_adding_what_is_not_there_adds_nothing(library: Library, docs: Path) -> None:
    """A mistyped path stops the command before anything is read."""
    with pytest.raises(BadRequestError, match="nowhere"):
        library.add([docs, docs / "nowhere"])

    assert library.shelf.current() is None


def test_a_folder_that_is_away_keeps_its_documents(library: Library, docs: Path) -> None:
    """A disk that is not mounted does not empty the knowledge base."""
    library.add([docs])
    shutil.move(docs, docs.with_name("away"))

    changes = library.sync()

    assert changes.removed == 0
    assert "kept" in changes.failures[0].reason
    assert found(library, "grass") == ["docs/zebra.txt"]


def test_removing_forgets_a_root(library: Library, docs: Path) -> None:
    """What was added can be taken back; the guide and unknown names cannot."""
    library.add([docs])

    assert counts(library.remove("docs")) == (0, 0, 2, 0)
    assert (docs / "zebra.txt").exists()
    for name in ("docs", "guide"):
        with pytest.raises(BadRequestError, match=name):
            library.remove(name)


def test_two_folders_of_one_name_are_kept_apart(library: Library, docs: Path) -> None:
    """The second folder called docs gets a name of its own; adding one twice does not."""
    other = docs.parent / "elsewhere" / "docs"
    other.mkdir(parents=True)
    (other / "zebra.txt").write_text("Other zebras.")

    library.add([docs])
    library.add([other, docs])

    assert [name for name in ids(library) if name.endswith("zebra.txt")] == [
        "docs-2/zebra.txt",
        "docs/zebra.txt",
    ]


def test_lines_are_documents(library: Library) -> None:
    """Lines are added, replaced by id, and refused with a reason."""
    library.ensure()
    library.add_lines([Line("a", "Old words."), Line("b", "Zebras.", "Animals")])

    changes = library.add_lines(
        [
            Line("a", "New words."),
            Line("b", "Zebras.", "Animals"),
            Line("c", "  "),
            Line("a", "Twice."),
            Line("guide/start.md", "Mine."),
        ]
    )

    assert counts(changes) == (0, 1, 0, 1)
    assert [(each.name, each.reason) for each in changes.failures] == [
        ("c", "holds no text"),
        ("a", "the id was given twice"),
        ("guide/start.md", "the id is that of a file"),
    ]
    assert found(library, "new") == ["a"]
    assert library.sync().removed == 0


def test_an_id_is_no_word_of_a_document_without_title(library: Library) -> None:
    """A document called 1973 is not found by the year."""
    library.add_lines([Line("1973", "Something else entirely.")])

    assert found(library, "1973") == []


def test_an_interrupted_run_keeps_what_it_read(
    library: Library, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends reading, what was read is indexed, and the same command does the rest."""

    def interrupted(file: scan.FoundFile, known: DocumentRecord | None) -> Addition | None:
        if file.path.name == "zebra.txt":
            raise KeyboardInterrupt
        return scan.read(file, known)

    with monkeypatch.context() as patch:
        patch.setattr(update, "read", interrupted)
        changes = library.add([docs])

    assert changes.interrupted
    assert found(library, "lions") == ["docs/lion.md"]
    assert counts(library.sync())[0] >= 1
    assert found(library, "grass") == ["docs/zebra.txt"]


def test_progress_is_told(library: Library, docs: Path) -> None:
    """Reading and indexing are counted up to their ends."""
    told: list[tuple[str, int, int]] = []

    library.add([docs], lambda phase, done, total: told.append((phase, done, total)))

    assert told == [("reading", 1, 2), ("reading", 2, 2), ("indexing", 1, 2), ("indexing", 2, 2)]


@pytest.mark.parametrize("damage", ["format", "records"])
def test_an_unusable_index_is_built_anew(library: Library, docs: Path, damage: str) -> None:
    """After an update of the software, or damage, files are read again and lines are saved."""
    library.ensure()
    library.add([docs])
    library.add_lines([Line("a", "Giraffes eat leaves.", "Animals")])
    folder = version_of(library).folder
    if damage == "format":
        manifest = json.loads((folder / MANIFEST).read_bytes())
        (folder / MANIFEST).write_text(json.dumps({**manifest, "format": "0"}))
    else:
        (folder / "passages.jsonl").write_bytes(b"{}\n")

    library.ensure()

    assert found(library, "grass") == ["docs/zebra.txt"]
    assert "guide/start.md" in ids(library)
    assert found(library, "giraffes") == (["a"] if damage == "format" else [])
    assert library.sync().failures == []


def test_lines_are_saved_when_nothing_else_is_known(library: Library) -> None:
    """With an unreadable manifest documents without files are still put together again."""
    library.add_lines([Line("a", "Giraffes eat leaves.", "Animals")])
    (version_of(library).folder / MANIFEST).write_text("{")

    library.ensure()

    assert found(library, "giraffes") == ["a"]


def test_workers_that_start_at_once_build_one_index(guide: Path, tmp_path: Path) -> None:
    """The first process builds, the others wait and find it done."""
    with ProcessPoolExecutor(3) as pool:
        built = list(pool.map(_start, [str(tmp_path / "index")] * 3, [str(guide)] * 3))

    assert sorted(built) == [0, 0, 2]
    assert sorted(p.name for p in (tmp_path / "index").iterdir()) == ["000001", "current", "lock"]


def _start(folder: str, guide: str) -> int:
    return Library(Path(folder), Path(guide)).ensure().added
