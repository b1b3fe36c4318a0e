from pathlib import Path

from api.places import knowledge_folder
from api.settings import Settings
from chains.knowledge.library import index_folder
from chains.knowledge.retriever import open_retriever
from chains.knowledge.shelf import Shelf
from guardrails.classifier.classifier import Classifier
from guardrails.policy import load_policy
from guardrails.rails import Rails

MOST_WITHHELD = 0.02
"""Share of the product's own guide that the rails may keep from a reader."""


async def test_the_rails_let_the_products_own_guide_be_read(tmp_path: Path) -> None:
    """A manual tells its readers what to do, and is not taken for an attack on the assistant."""
    await open_retriever(knowledge_folder(Settings()), tmp_path)
    index = Shelf(index_folder(tmp_path)).open()
    assert index is not None
    texts = [index.passage(number).text for number in range(len(index))]
    rails = await Rails.compile(load_policy(), classifier=Classifier.load(), judge=None)

    decisions = await rails.check_passages(texts)

    assert len(texts) > 100
    assert sum(decision.blocked for decision in decisions) <= MOST_WITHHELD * len(texts)
    kept = sum(
        len(d.text if d.text is not None else t)
        for d, t in zip(decisions, texts, strict=True)
        if not d.blocked
    )
    assert kept > 0.9 * sum(map(len, texts))
