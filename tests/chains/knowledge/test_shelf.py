import threading
from pathlib import Path

import pytest

from chains.knowledge.builder import Addition, IndexWriter
from chains.knowledge.errors import BrokenIndexError
from chains.knowledge.loaders.text import load_text
from chains.knowledge.shelf import Shelf
from chains.knowledge.version import MANIFEST


def publish(shelf: Shelf, *texts: str) -> str:
    with shelf.writing():
        writer = IndexWriter()
        for number, text in enumerate(texts):
            document = load_text(text, title=f"Title {number}")
            writer.add(Addition(f"doc-{number}", "root", "digest", document))
        draft = shelf.draft()
        writer.write(draft, ())
        return shelf.publish(draft)


def test_before_the_first_version_there_is_none(tmp_path: Path) -> None:
    """A folder without an index is a normal state."""
    shelf = Shelf(tmp_path / "index")

    assert shelf.current() is None
    assert shelf.open() is None


def test_the_current_version_is_the_last_published(tmp_path: Path) -> None:
    """Publishing swaps the pointer and keeps the version before for whoever still opens it."""
    shelf = Shelf(tmp_path)
    names = [publish(shelf, f"text {number}") for number in range(4)]

    assert shelf.current() == names[-1]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == names[-2:]


def test_an_open_version_outlives_its_deletion(tmp_path: Path) -> None:
    """Readers go on with what they have mapped, though its files are gone."""
    shelf = Shelf(tmp_path)
    publish(shelf, "first words")
    old = shelf.open()
    for _ in range(3):
        publish(shelf, "other words")

    assert old is not None
    assert not old.folder.exists()
    assert old.passage(0).text == "first words"
    assert old.lexical.match(["word"])[0] > 0


def test_leftovers_of_a_writer_that_died_are_removed(tmp_path: Path) -> None:
    """A half-written version never becomes current and does not stay."""
    (tmp_path / "writing-99").mkdir()
    (tmp_path / "writing-99" / MANIFEST).write_text("{")

    publish(shelf := Shelf(tmp_path), "text")

    assert shelf.open() is not None
    assert not list(tmp_path.glob("writing-*"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (MANIFEST, b"{"),
        (MANIFEST, b'{"format": "0", "roots": [], "documents": 1, "passages": 1}'),
        ("passages.jsonl", b"{}\n"),
        ("document_of.npy", b""),
    ],
)
def test_a_damaged_version_says_what_to_type(tmp_path: Path, file: str, content: bytes) -> None:
    """Damage and foreign formats are one clear error, not a wrong answer."""
    shelf = Shelf(tmp_path)
    name = publish(shelf, "text")
    (tmp_path / name / file).write_bytes(content)

    with pytest.raises(BrokenIndexError, match="covenant kb sync"):
        shelf.open()


def test_a_pointer_to_nothing_is_an_error(tmp_path: Path) -> None:
    """A version that somebody deleted by hand is told of."""
    (tmp_path / "current").write_text("000009\n")

    with pytest.raises(BrokenIndexError, match="covenant kb sync"):
        Shelf(tmp_path).open()


def test_readers_never_see_half_a_version(tmp_path: Path) -> None:
    """While versions are swapped as fast as they can be, every opening gives a whole one."""
    shelf = Shelf(tmp_path)
    publish(shelf, "text")
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        while not done.is_set():
            try:
                version = Shelf(tmp_path).open()
                assert version is not None
                assert version.passage(0).text == "text"
            except BaseException as error:  # noqa: BLE001 - told to the main thread
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(10):
        publish(shelf, "text")
    done.set()
    for reader in readers:
        reader.join()

    assert failures == []
