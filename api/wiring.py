"""The real backend of a service process: from settings to a live chain, rails and knowledge."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from redis.asyncio import Redis

from api.backend import Backend
from api.places import (
    find_model,
    is_judge_named,
    judge_endpoint,
    knowledge_folder,
    policies_folder,
    policy_folder,
    writer_endpoint,
)
from api.schemas import Dependency
from api.settings import Settings
from chains.build import live_chat
from chains.knowledge.retriever import Retriever, open_retriever
from chains.qwen.endpoint import Endpoint
from guardrails.classifier.classifier import Classifier
from guardrails.fitness import try_judge
from guardrails.holder import Equipment, RailsHolder, Refusal
from guardrails.judge import JudgeEndpoint
from guardrails.versions import PolicyStore, RedisPublisher, StorePublisher

_TRIAL = timedelta(seconds=2)
"""How long a start waits for a model to prove that it can judge."""

_log = structlog.get_logger("covenant.policy")


@asynccontextmanager
async def real_backend(settings: Settings) -> AsyncIterator[Backend]:
    """Find the model, compile the policy, open the index, compose the path; close it in reverse.

    Args:
        settings: The process's.

    Raises:
        PolicyError: The policy folder has problems; each is named with file, line and fix.
    """
    async with AsyncExitStack() as stack:
        endpoint = (await find_model(settings)).endpoint
        judge = judge_endpoint(settings, endpoint)
        canary = secrets.token_hex(8)
        equipment = Equipment(
            classifier=await asyncio.to_thread(Classifier.load),
            judge=judge if is_judge_named(settings) else None,
            writer=writer_endpoint(endpoint),
            canary=canary,
        )
        store = PolicyStore(policies_folder(settings))
        holder = await RailsHolder.open(
            store.folder(store.active) if store.active else policy_folder(settings),
            equipment,
            strictness=settings.flags.strictness,
            on_refused=_refused,
            on_activated=_activated,
        )
        stack.push_async_callback(holder.aclose)
        await stack.enter_async_context(holder.watching())
        await stack.enter_async_context(_publications(settings, holder, store))
        if judge is not None and equipment.judge is None:
            await stack.enter_async_context(_on_trial(holder, equipment, judge))
        retriever = await open_retriever(knowledge_folder(settings), settings.data_dir)
        live = await stack.enter_async_context(
            live_chat(
                rails=holder,
                retriever=retriever,
                endpoint=endpoint,
                model=settings.model,
                prices=settings.prices,
                settings=settings.chain,
                canary=canary,
            )
        )
        state = _State(endpoint, holder, retriever)
        yield Backend(
            chat=live.chat,
            rails=holder,
            passages=retriever,
            demo=live.model.demo,
            judged=lambda: holder.current.has_judge,
            model=live.model.name,
            dependencies=state.dependencies,
        )


@asynccontextmanager
async def _publications(
    settings: Settings, holder: RailsHolder, store: PolicyStore
) -> AsyncIterator[None]:
    """Follow what is published: through a fleet's records, else through the data folder."""
    url = settings.records_url.get_secret_value() if settings.records_url else ""
    # An embedded Redis belongs to this service alone: the command line cannot reach it.
    if not url or url.startswith("unix:"):
        async with holder.following(StorePublisher(store), store):
            yield
        return
    client = Redis.from_url(url)
    try:
        async with holder.following(RedisPublisher(client), store):
            yield
    finally:
        await client.aclose()


@asynccontextmanager
async def _on_trial(
    holder: RailsHolder, equipment: Equipment, judge: JudgeEndpoint
) -> AsyncIterator[None]:
    """Let the main model judge if it proves able to; a slow one may prove it later."""

    async def trial() -> None:
        fitness = await try_judge(judge, holder.current.policy)
        if fitness.fit:
            await holder.equip(replace(equipment, judge=judge))
        _log.info("judge tried", fit=fitness.fit, remark=fitness.remark)

    task = asyncio.create_task(trial())
    try:
        await asyncio.wait({task}, timeout=_TRIAL.total_seconds())
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _refused(refusal: Refusal) -> None:
    # A problem names file, line and fix; a policy is no conversation, its text may be logged.
    problems = [str(problem) for problem in refusal.problems]
    _log.error("policy refused", problems=problems, active=refusal.active)


def _activated(version: str) -> None:
    _log.info("policy activated", policy_version=version)


@dataclass(frozen=True, slots=True)
class _State:
    """What readiness tells of a backend, without asking anybody."""

    endpoint: Endpoint | None
    holder: RailsHolder
    retriever: Retriever

    async def dependencies(self) -> Sequence[Dependency]:
        return (self._model(), self._judge(), self._policy(), self._knowledge())

    def _model(self) -> Dependency:
        if self.endpoint is None:
            detail = "No model was found: answers are quoted from the documents."
            return Dependency(name="model", status="degraded", detail=detail)
        return Dependency(name="model", status="up")

    def _judge(self) -> Dependency:
        if not self.holder.current.has_judge:
            detail = "The second layer of checks is missing: rules and classifier decide alone."
            return Dependency(name="judge", status="degraded", detail=detail)
        return Dependency(name="judge", status="up")

    def _policy(self) -> Dependency:
        if self.holder.last_error is not None:
            detail = "The last edit was refused; the policy before it stays in force."
            return Dependency(name="policy", status="degraded", detail=detail)
        return Dependency(name="policy", status="up")

    def _knowledge(self) -> Dependency:
        if not self.retriever.passages:
            detail = "There are no documents to quote or cite."
            return Dependency(name="knowledge", status="degraded", detail=detail)
        return Dependency(name="knowledge", status="up")
