"""The real backend of a service process: from settings to a live chain, rails and knowledge."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from api.backend import Backend
from api.places import find_model, judge_endpoint, knowledge_folder, policy_folder
from api.schemas import Dependency
from api.settings import Settings
from chains.build import live_chat
from chains.knowledge.retriever import Retriever, open_retriever
from chains.qwen.endpoint import Endpoint
from guardrails.classifier.classifier import Classifier
from guardrails.holder import Equipment, RailsHolder, Refusal
from guardrails.judge import JudgeEndpoint

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
        holder = await RailsHolder.open(
            policy_folder(settings),
            Equipment(await asyncio.to_thread(Classifier.load), judge, canary=canary),
            strictness=settings.flags.strictness,
            on_refused=_refused,
            on_activated=_activated,
        )
        stack.push_async_callback(holder.aclose)
        await stack.enter_async_context(holder.watching())
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
        state = _State(endpoint, judge, holder, retriever)
        yield Backend(
            chat=live.chat,
            rails=holder,
            passages=retriever,
            demo=live.model.demo,
            judged=judge is not None,
            model=live.model.name,
            dependencies=state.dependencies,
        )


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
    judge: JudgeEndpoint | None
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
        if self.judge is None:
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
