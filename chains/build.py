"""From what was found to a live path: which rungs there are, and what they are called."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from langchain_core.runnables import Runnable

from chains.chat import build_chat
from chains.events import Told
from chains.extractive import extractive
from chains.knowledge.retriever import Retriever
from chains.model import generate
from chains.protocols import RailsSource
from chains.qwen.chat import ChatQwen
from chains.qwen.endpoint import Endpoint
from chains.qwen.settings import ModelSettings
from chains.rails import ModelIdentity
from chains.settings import ChainSettings
from chains.turn import Piece, Rung, Turn
from chains.usage import PriceTable

EXTRACTIVE = "extractive"
"""What `run.started` calls the answering model where there is none."""


@dataclass(frozen=True, slots=True)
class LiveChat:
    """A path that answers."""

    chat: Runnable[Turn, Told]
    model: ModelIdentity
    canary: str
    """The secret word of its system prompt, for the rails to look for."""


@asynccontextmanager
async def live_chat(
    *,
    rails: RailsSource,
    retriever: Retriever,
    endpoint: Endpoint | None,
    model: ModelSettings,
    prices: PriceTable,
    settings: ChainSettings,
    canary: str | None = None,
) -> AsyncIterator[LiveChat]:
    """Build the path of one message and close its connections at the end.

    The ladder is the model, the faster secondary model where one is named, and passages quoted
    from the knowledge base. Without an endpoint the passages alone answer.

    Args:
        rails: Hands out the active rails.
        retriever: Finds passages.
        endpoint: Where the model is served; None where none was found.
        model: How it is asked, and what the secondary one is.
        prices: What tokens cost.
        settings: Bounds and deadlines of the path.
        canary: A secret word for the system prompt; a fresh one if None.
    """
    async with AsyncExitStack() as stack:
        stride = rails.current.policy.window_stride
        rungs: list[Runnable[Turn, Piece]] = []
        for rung, place in _models(endpoint, model):
            qwen = ChatQwen.at(place, model, stride=stride)
            stack.push_async_callback(qwen.aclose)
            rungs.append(generate(qwen, name=place.model, prices=prices, rung=rung))
        rungs.append(extractive(demo=endpoint is None))
        identity = (
            ModelIdentity(EXTRACTIVE, demo=True)
            if endpoint is None
            else ModelIdentity(endpoint.model, demo=False)
        )
        canary = canary or secrets.token_hex(8)
        chat = build_chat(
            rails=rails,
            retriever=retriever,
            rungs=rungs,
            model=identity,
            canary=canary,
            settings=settings,
        )
        yield LiveChat(chat, identity, canary)


def _models(endpoint: Endpoint | None, settings: ModelSettings) -> list[tuple[Rung, Endpoint]]:
    if endpoint is None:
        return []
    models = [(Rung.PRIMARY, endpoint)]
    if settings.secondary_name is not None:
        own_server = settings.secondary_base_url is not None
        secondary = Endpoint(
            base_url=settings.secondary_base_url or endpoint.base_url,
            model=settings.secondary_name,
            # A key goes to its own server alone.
            api_key=settings.secondary_api_key or (None if own_server else endpoint.api_key),
            source="configured" if own_server else endpoint.source,
            thinking_style=endpoint.thinking_style,
        )
        models.append((Rung.SECONDARY_MODEL, secondary))
    return models
