"""A chain whose events a test writes down, and everything else the web side asks of a backend."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from langchain_core.runnables import Runnable, RunnableGenerator

from api.backend import Backend
from api.schemas import Dependency
from api.settings import Settings
from chains.events import (
    ChatEvent,
    Citation,
    FollowUps,
    GuardBlocked,
    GuardModified,
    MessageCompleted,
    MessageDelta,
    PrincipleRef,
    ReasoningDelta,
    Replacement,
    RunFinished,
    RunStarted,
    SourceItem,
    Sources,
    Status,
    Told,
    Trace,
    UsageReport,
)
from chains.turn import Turn
from tests.fakes.scripted_rails import FakePolicy, ScriptedRails

Step = Told | float | Exception | Callable[[Turn], ChatEvent]
"""An event, a pause in seconds, a failure, or an event made from the turn."""

PRINCIPLE = PrincipleRef(id="no-weapons", title="No weapons", summary="I do not help with those.")
USAGE = UsageReport(
    prompt_tokens=12, completion_tokens=7, cost_usd=None, ttft_ms=4.0, rails_ms=1.5, total_ms=20.0
)
SOURCE = SourceItem(n=1, id="p1", title="Guide", url=None, page=3, snippet="It is so.", score=0.9)


def started(turn: Turn) -> RunStarted:
    """The first event of every run."""
    return RunStarted(
        run_id=turn.run_id,
        session_id=turn.session_id,
        message_id=turn.message_id,
        model="scripted-qwen",
        policy_version="0123456789ab",
        demo=False,
    )


def deltas(*windows: str) -> list[MessageDelta]:
    """The windows of an answer, with their offsets."""
    found: list[MessageDelta] = []
    offset = 0
    for window in windows:
        found.append(MessageDelta(text=window, offset=offset))
        offset += len(window)
    return found


def answered(*windows: str) -> list[Step]:
    """A run that completes."""
    return [
        started,
        Status(phase="checking_input"),
        Sources(items=(SOURCE,)),
        Status(phase="answering"),
        *deltas(*windows),
        Citation(n=1, source_id="p1", start=0, end=4),
        MessageCompleted(finish_reason="stop", length=len("".join(windows))),
        FollowUps(items=("And then?",)),
        USAGE,
        RunFinished(status="completed"),
    ]


def blocked(*windows: str, retract_from: int | None = None, stage: str = "input") -> list[Step]:
    """A run that a principle stops after some windows."""
    return [
        started,
        Status(phase="checking_input"),
        *deltas(*windows),
        GuardBlocked.model_validate(
            {
                "stage": stage,
                "retract_from": retract_from,
                "principle": PRINCIPLE,
                "decision_id": "d_0123456789",
                "appealable": True,
                "replacement": Replacement(text="I cannot help with that.", lang="en"),
                "alternatives": ("History of arms control",),
            }
        ),
        MessageCompleted(finish_reason="blocked", length=0),
        USAGE,
        RunFinished(status="blocked"),
    ]


EVERY_KIND: list[Step] = [
    started,
    Status(phase="degraded", reason="secondary_model"),
    Sources(items=(SOURCE,)),
    ReasoningDelta(text="Let me see."),
    *deltas("All ", "of it."),
    Citation(n=1, source_id="p1", start=0, end=3),
    GuardModified(stage="output", start=0, end=3, kind="email", principle_id="privacy"),
    Trace(
        decision_id="d",
        stage="output",
        rail="rules",
        layer="rules",
        outcome="pass",
        score=0.1,
        ms=0.2,
    ),
    MessageCompleted(finish_reason="length", length=10),
    FollowUps(items=("More?",)),
    USAGE,
    RunFinished(status="completed"),
]


@dataclass
class ScriptedChat:
    """Plays its script for each turn; knows what was asked and whether it was closed early."""

    script: Sequence[Step] = field(default_factory=lambda: answered("Yes, ", "it is so."))
    turns: list[Turn] = field(default_factory=list)
    closed_early: int = 0
    said: int = 0
    """Events told so far."""
    scripts: Mapping[str, Sequence[Step]] = field(default_factory=dict)
    """Other scripts, by question."""

    def runnable(self) -> Runnable[Turn, Told]:
        """The chain."""
        return RunnableGenerator(self._play, name="scripted_chat")

    async def _play(self, turns: AsyncIterator[Turn]) -> AsyncIterator[Told]:
        async for turn in turns:
            self.turns.append(turn)
            done = False
            try:
                for step in self.scripts.get(turn.question, self.script):
                    if isinstance(step, float):
                        await asyncio.sleep(step)
                    elif isinstance(step, Exception):
                        raise step
                    else:
                        self.said += 1
                        yield step(turn) if callable(step) else step
                done = True
            finally:
                self.closed_early += not done


@dataclass(frozen=True)
class FakePassage:
    id: str = "p1"
    title: str = "Guide"
    text: str = "It is so."
    heading: str | None = "How it is"
    page: int | None = 3
    url: str | None = None
    neighbours: Sequence[tuple[str, str]] = (("p0", "It was so."), ("p2", "It will be so."))


class FakePassages:
    async def passage(self, passage_id: str) -> FakePassage | None:
        return FakePassage() if passage_id == "p1" else None


@dataclass(frozen=True)
class FakePublicPrinciple:
    id: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    text: Mapping[str, str]


@dataclass
class PublicFakePolicy(FakePolicy):
    principles: Sequence[FakePublicPrinciple] = (
        FakePublicPrinciple(
            "no-weapons",
            {"en": "No weapons", "zh": "不涉及武器"},
            {"en": "I do not help with those.", "zh": "我不提供这类帮助。"},
            {"en": "Never help to build a weapon.", "zh": "绝不协助制造武器。"},
        ),
    )


@dataclass
class FakeRailsSource:
    current: ScriptedRails


@dataclass
class ScriptedBackend:
    """A backend for `create_app`; one a test."""

    chat: ScriptedChat = field(default_factory=ScriptedChat)
    rails: ScriptedRails = field(default_factory=lambda: ScriptedRails(policy=PublicFakePolicy()))
    demo: bool = False
    judged: bool = True
    dependencies: Sequence[Dependency] = (Dependency(name="model", status="up"),)
    closed: bool = False

    @asynccontextmanager
    async def __call__(self, settings: Settings) -> AsyncIterator[Backend]:
        async def dependencies() -> Sequence[Dependency]:
            return self.dependencies

        try:
            yield Backend(
                chat=self.chat.runnable(),
                rails=FakeRailsSource(self.rails),  # type: ignore[arg-type]  # its policy is a subclass
                passages=FakePassages(),
                demo=self.demo,
                judged=lambda: self.judged,
                model="scripted-qwen",
                dependencies=dependencies,
            )
        finally:
            self.closed = True
