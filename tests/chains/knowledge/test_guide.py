"""The shipped guide, searched as people ask."""

import json
from pathlib import Path
from typing import Any

import pytest

from chains.knowledge.loaders.files import load
from chains.knowledge.retriever import Retriever, open_retriever

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "knowledge"
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (ROOT / "evals/datasets/guide_questions.jsonl").read_text().splitlines()
]


@pytest.fixture
async def retriever(tmp_path: Path) -> Retriever:
    return await open_retriever(GUIDE, tmp_path)


async def test_the_guide_answers_questions_about_the_product(retriever: Retriever) -> None:
    """Nine in ten questions find their page among the first three passages, in both languages."""
    missed = []
    asked = [question for question in QUESTIONS if question["doc_id"]]
    for question in asked:
        found = await retriever.search(question["query"])
        if question["doc_id"] not in [passage.doc_id for passage in found[:3]]:
            missed.append(question["id"])

    assert len(missed) <= len(asked) // 10, missed


async def test_other_questions_find_nothing(retriever: Retriever) -> None:
    """Nine in ten questions about other things are recognised as such."""
    asked = [question for question in QUESTIONS if not question["doc_id"]]
    wrong = [q["id"] for q in asked if await retriever.search(q["query"])]

    assert len(wrong) <= len(asked) // 10, wrong


@pytest.mark.parametrize("page", sorted(GUIDE.rglob("*.md")), ids=lambda page: page.name)
def test_every_page_has_a_title_and_text(page: Path) -> None:
    """A page of the guide begins with its title and has text below it."""
    data = page.read_bytes()

    assert data.startswith(b"# ")
    assert load(page, data).sections


def test_every_question_names_a_page_that_exists() -> None:
    """The set asks for pages of the guide, each question once."""
    pages = {question["doc_id"] for question in QUESTIONS if question["doc_id"]}

    assert [page for page in pages if not (GUIDE / page.removeprefix("guide/")).exists()] == []
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
