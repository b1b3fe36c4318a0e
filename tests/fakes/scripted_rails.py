"""Rails whose decisions a test writes down: blocks and masks by substring, at any stage."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from guardrails.dialogue import Message, Role, user_turn
from guardrails.verdict import (
    Decision,
    Edit,
    Layer,
    Outcome,
    Stage,
    Strictness,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class FakePrinciple:
    id: str
    title: str
    summary: str
    alternatives: tuple[str, ...] = ()


@dataclass
class FakePolicy:
    version: str = "0123456789ab"
    window_stride: int = 200

    def message(self, key: str, language: str, **values: str) -> str:
        return f"{language}:{key}"

    def render(self, task: str, **variables: object) -> tuple[Message, ...]:
        system = Message(Role.SYSTEM, f"{task} canary={variables['canary']}")
        if not variables["passages"]:
            return (system,)
        return (system, Message(Role.USER, f"passages={variables['passages']}"))

    def principle_text(self, principle_id: str, language: str) -> FakePrinciple:
        return FakePrinciple(
            principle_id, f"{language} title", f"{language} summary", (f"{language} alternative",)
        )

    def refusal(self, decision: Decision, language: str) -> str:
        return f"{language} refusal"


@dataclass
class ScriptedRails:
    """Decides by substring; every text it saw is recorded."""

    block: str | None = None
    """A text that holds this is blocked, at the stages of `stages`."""
    mask: str | None = None
    """This word is masked in what is released."""
    fail: str | None = None
    """A text that holds this makes the rail fail closed."""
    block_whole: str | None = None
    """An answer that holds this is blocked at its end."""
    stages: tuple[Stage, ...] = tuple(Stage)
    delay: float = 0.0
    """Seconds a check takes."""
    notes: tuple[str, ...] = ()
    """What every decision remarks."""
    policy: FakePolicy = field(default_factory=FakePolicy)
    inputs: list[str] = field(default_factory=list)
    cited: list[object] = field(default_factory=list)
    layers: list[Collection[Layer] | None] = field(default_factory=list)
    """What each input check was limited to."""
    windows: list[str] = field(default_factory=list)
    strictness: list[Strictness | None] = field(default_factory=list)

    @property
    def current(self) -> "ScriptedRails":
        """Rails are their own source."""
        return self

    async def check_input(
        self,
        conversation: tuple[Message, ...],
        *,
        strictness: Strictness | None = None,
        layers: Collection[Layer] | None = None,
    ) -> Decision:
        text = user_turn(conversation)
        self.inputs.append(text)
        self.layers.append(layers)
        self.strictness.append(strictness)
        return await self.decide(Stage.INPUT, text)

    async def check_passages(
        self, passages: Sequence[str], *, strictness: Strictness | None = None
    ) -> tuple[Decision, ...]:
        return tuple([await self.decide(Stage.RETRIEVAL, passage) for passage in passages])

    def answer(
        self, conversation: tuple[Message, ...], *, strictness: Strictness | None = None
    ) -> "ScriptedAnswerRails":
        return ScriptedAnswerRails(self)

    async def decide(self, stage: Stage, text: str) -> Decision:
        await asyncio.sleep(self.delay)
        if stage in self.stages and self.fail and self.fail in text:
            return decision(stage, Outcome.BLOCK, failed=True)
        if stage in self.stages and self.block and self.block in text:
            return decision(stage, Outcome.BLOCK, principle="no-weapons")
        if stage in self.stages and self.mask and self.mask in text:
            start = text.index(self.mask)
            masked = text.replace(self.mask, "[masked]", 1)
            edit = Edit(start, start + len("[masked]"), "[masked]", "email", "privacy")
            return decision(stage, Outcome.MODIFY, principle="privacy", text=masked, edits=(edit,))
        return replace(decision(stage, Outcome.PASS), notes=self.notes)


@dataclass
class ScriptedAnswerRails:
    rails: ScriptedRails
    seen: str = ""

    def cites(self, passages: Sequence[object]) -> None:
        self.rails.cited.extend(passages)

    async def check(self, window: str) -> Decision:
        self.rails.windows.append(window)
        self.seen += window
        return await self.rails.decide(Stage.OUTPUT, window)

    async def check_reasoning(self, window: str) -> Decision:
        return await self.rails.decide(Stage.OUTPUT, window)

    async def end(self) -> Decision:
        if self.rails.block_whole and self.rails.block_whole in self.seen:
            return decision(Stage.OUTPUT, Outcome.BLOCK, principle="no-crime")
        return decision(Stage.OUTPUT, Outcome.PASS)


def decision(
    stage: Stage,
    outcome: Outcome,
    *,
    principle: str | None = None,
    text: str | None = None,
    edits: tuple[Edit, ...] = (),
    failed: bool = False,
) -> Decision:
    """A decision with one rule's verdict behind it."""
    return Decision(
        id="dec_1",
        stage=stage,
        outcome=outcome,
        policy_version="0123456789ab",
        strictness=Strictness.BALANCED,
        principle=principle,
        text=text,
        edits=edits,
        failed=failed,
        ms=1.0,
        verdicts=(
            Verdict(
                Layer.RULES,
                f"constitution check {stage.value}",
                Outcome.ERROR if failed else outcome,
                principle,
            ),
        ),
    )
