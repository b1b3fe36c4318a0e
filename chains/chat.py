"""The path of one message. Start here.

```
prepare | with_follow_ups( guarded( answer ) )
answer = retrieve | screen | recall | prompt | announced( first_answering( rungs ) )
```

One frozen `Turn` goes in, `ChatEvent`s come out, and a word to the caller alone where the question
was masked (`Told`). Each stage is a LangChain Runnable in a module of its own name, knows no other
stage, and can be replaced in one line here. The rails stand around everything that reads documents
or asks a model.
"""

from collections.abc import Sequence
from typing import Protocol

from langchain_core.runnables import Runnable

from chains.cite import Citations
from chains.events import Told
from chains.fallback import first_answering
from chains.follow_ups import OpensPassages, with_follow_ups
from chains.prepare import prepare
from chains.prompt import prompt
from chains.protocols import RailsSource
from chains.rails import ModelIdentity, guarded
from chains.recall import recall
from chains.retrieve import SearchesPassages, retrieve
from chains.screen import screen
from chains.settings import ChainSettings
from chains.sources import announced
from chains.turn import Piece, Turn


class Documents(SearchesPassages, OpensPassages, Protocol):
    """What the path asks of the knowledge base; `chains.knowledge.retriever.Retriever`."""


def build_chat(
    *,
    rails: RailsSource,
    retriever: Documents,
    rungs: Sequence[Runnable[Turn, Piece]],
    model: ModelIdentity,
    canary: str,
    settings: ChainSettings,
) -> Runnable[Turn, Told]:
    """Compose the path of one message.

    Args:
        rails: Hands out the active policy's rails; each turn pins one.
        retriever: Finds passages and opens them.
        rungs: The fallback ladder's stages, best first.
        model: What is announced as the answering model.
        canary: A secret word in the system prompt that must never be answered.
        settings: Bounds and deadlines.

    Returns:
        A runnable whose `astream` begins with `run.started` and ends with `run.finished`, or
        raises a `CovenantError` that its caller tells of before it ends the run. Closing the
        iterator stops the model.
    """
    answer = (
        retrieve(retriever, limit=settings.passages, deadline=settings.retrieval_deadline)
        | screen()
        | recall(history_tokens=settings.history_tokens, summary_tokens=settings.summary_tokens)
        | prompt(passage_tokens=settings.passage_tokens, canary=canary)
        | announced(first_answering(rungs))
    )
    told = guarded(answer, model=model, marks=Citations, queue_pieces=settings.queue_pieces)
    return prepare(rails, max_chars=settings.max_message_chars) | with_follow_ups(
        told, retriever, most=settings.follow_ups, deadline=settings.follow_ups_deadline
    )
