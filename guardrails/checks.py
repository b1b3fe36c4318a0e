"""What the path of a message asks of a policy: judge a turn, passages, an answer as it comes."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Final

from typing_extensions import override

from guardrails.answer import AnswerRails
from guardrails.canary import Canary
from guardrails.checked_stream import MASK_RAIL, Ask, Inspects, Terms, decision
from guardrails.combine import Combiner, Doubt
from guardrails.dialogue import Message, Role, spoken_language, user_turn
from guardrails.judge import Question
from guardrails.layers import Layers, Local
from guardrails.masks import masked
from guardrails.pii import Kind
from guardrails.policy import Policy
from guardrails.revision import Reviser
from guardrails.verdict import Decision, Layer, Outcome, Stage, Strictness, Verdict

EARLIER_TURNS: Final = 40
"""Earlier messages of a conversation that are checked again with each turn, newest first."""


class Checks(Inspects, ABC):
    """The checks of one policy; how rails are run is left to `guardrails.rails.Rails`.

    Args:
        policy: What is enforced.
        layers: What looks at texts.
        strictness: What applies where a check names none.
        canary: A secret word of the system prompt that must never be answered.
        reviser: Rewrites answers; None where no model can.
    """

    def __init__(
        self,
        policy: Policy,
        layers: Layers,
        *,
        strictness: Strictness,
        canary: str | None,
        reviser: Reviser | None,
    ) -> None:
        self.policy = policy
        self.strictness = strictness
        self._layers = layers
        self._combiner = Combiner(policy)
        self._canary = Canary(canary) if canary else None
        self._reviser = reviser

    @property
    def has_judge(self) -> bool:
        """Whether the second layer is there."""
        return self._layers.judge is not None

    @property
    def has_classifier(self) -> bool:
        """Whether the first layer's model is there."""
        return self._layers.has_classifier

    @override
    @abstractmethod
    async def inspect(
        self,
        stage: Stage,
        text: str,
        ask: Ask,
        conversation: tuple[Message, ...],
        *,
        local: bool = True,
    ) -> tuple[Verdict, ...]:
        """Run the stage's rails; see `Inspects`."""

    @abstractmethod
    async def inspect_passages(self, passages: Sequence[str]) -> list[tuple[Verdict, ...]]:
        """Run the retrieval rails over passages; verdicts of each, in order."""

    async def check_input(
        self,
        conversation: tuple[Message, ...],
        *,
        strictness: Strictness | None = None,
        layers: Collection[Layer] | None = None,
    ) -> Decision:
        """Judge the person's turn, and every earlier message they or their client sent.

        Args:
            conversation: Oldest first; the user messages at its end are one turn.
            strictness: Another strictness than the active one.
            layers: Limits the check; without the judge, what is unsure is `UNSURE`.

        Returns:
            `MODIFY` holds the last message with personal data hidden. A check never raises for a
            layer that fails: it fails closed.
        """
        began = perf_counter()
        terms = self._terms(strictness, layers)
        turn = user_turn(conversation)
        doubts: list[Local] = []

        def ask(local: Local) -> Question | None:
            return self._input_question(terms, turn, local, doubts)

        verdicts = await self.inspect(Stage.INPUT, turn, ask, conversation)
        earlier = await self._earlier(terms, conversation, doubts)
        always = terms.combiner.always_judged(Stage.INPUT, terms.strictness)
        doubted = [local for local in doubts if not local.cleared]
        doubt = Doubt(
            needed=bool(doubted) or (always and bool(doubts)),
            principle=next((local.principle for local in doubted if local.principle), None),
            limited=terms.limited,
            missing=not terms.judge,
        )
        verdicts = (*verdicts, *earlier)
        ruling = terms.combiner.rule(Stage.INPUT, terms.strictness, verdicts, doubt)
        if ruling.stops or not conversation:
            return decision(terms, Stage.INPUT, ruling, verdicts, began)
        text, found = self._hidden(terms, conversation[-1].text, turn)
        trace = (*verdicts, *found)
        edits = found[0].edits if found and text is not None else ()
        return decision(terms, Stage.INPUT, ruling, trace, began, text=text, edits=edits)

    def prime(self, stage: Stage, texts: Sequence[str]) -> None:
        """Run the local layers over many texts at once, so that checks of them find it done."""
        self._layers.local_batch(stage, texts)

    async def check_passages(
        self,
        passages: Sequence[str],
        *,
        strictness: Strictness | None = None,
        layers: Collection[Layer] | None = None,
    ) -> tuple[Decision, ...]:
        """Judge retrieved texts, each on its own, in order: documents give no orders."""
        began = perf_counter()
        terms = self._terms(strictness, layers)
        decisions = []
        # The judge reads no passages: a document is stopped by what the local layers find.
        doubt = Doubt(needed=False)
        found = await self.inspect_passages(passages)
        for passage, verdicts in zip(passages, found, strict=True):
            ruling = terms.combiner.rule(Stage.RETRIEVAL, terms.strictness, verdicts, doubt)
            text = _without_orders(terms, passage, verdicts)
            decisions.append(decision(terms, Stage.RETRIEVAL, ruling, verdicts, began, text=text))
            began = perf_counter()
        return tuple(decisions)

    def answer(
        self,
        conversation: tuple[Message, ...],
        *,
        strictness: Strictness | None = None,
        passages: Sequence[object] = (),
        layers: Collection[Layer] | None = None,
    ) -> AnswerRails:
        """Begin the checks of an answer.

        Args:
            conversation: What it answers, oldest first.
            strictness: Another strictness than the active one.
            passages: What it may cite, with `title` and `text`: claims are held against them.
            layers: Limits the checks; without the judge, what is unsure is `UNSURE`.
        """
        return AnswerRails(self, self._terms(strictness, layers), conversation, passages)

    def _terms(self, strictness: Strictness | None, layers: Collection[Layer] | None) -> Terms:
        level = self.strictness if strictness is None else strictness
        limited = layers is not None and Layer.JUDGE not in layers
        return Terms(
            policy=self.policy,
            combiner=self._combiner,
            strictness=level,
            judge=self.has_judge,
            limited=limited,
            canary=self._canary,
            reviser=self._reviser,
        )

    def _input_question(
        self, terms: Terms, text: str, local: Local, doubts: list[Local]
    ) -> Question | None:
        """What to ask about a message; a violation that is certain already is not asked about."""
        if any(verdict.outcome is Outcome.BLOCK for verdict in local.verdicts):
            return None
        doubts.append(local)
        always = terms.combiner.always_judged(Stage.INPUT, terms.strictness)
        if not terms.asks or (local.cleared and not always):
            return None
        return Question("constitution_judge_input", (), user_input=text)

    async def _earlier(
        self, terms: Terms, conversation: tuple[Message, ...], doubts: list[Local]
    ) -> tuple[Verdict, ...]:
        """Verdicts on what came before the turn; of nothing wrong, nothing is said.

        The service's own answers passed already, and a client's are read by the rules.
        """
        verdicts: list[Verdict] = []
        before = _before_the_turn(conversation)[-EARLIER_TURNS:]
        for message in before:
            if message.role is Role.ASSISTANT:
                found = self.policy.rules.check(Stage.OUTPUT, message.text)
                verdicts.extend(v for v in found.verdicts if v.outcome is Outcome.BLOCK)
                continue
            stage = Stage.RETRIEVAL if message.role is Role.TOOL else Stage.INPUT
            local = self._layers.local(stage, message.text)
            verdicts.extend(v for v in local.verdicts if v.outcome is not Outcome.PASS)
            if stage is Stage.INPUT and not local.cleared:
                verdicts.extend(await self._asked(terms, message.text, local, doubts))
        return tuple(verdicts)

    async def _asked(
        self, terms: Terms, text: str, local: Local, doubts: list[Local]
    ) -> tuple[Verdict, ...]:
        question = self._input_question(terms, text, local, doubts)
        if question is None:
            return ()
        principles = self._layers.judged_principles(Stage.INPUT)
        judged = await self._layers.ask(replace(question, principles=principles))
        return tuple(v for v in judged if v.outcome is not Outcome.PASS)

    def _hidden(self, terms: Terms, text: str, turn: str) -> tuple[str | None, tuple[Verdict, ...]]:
        """The message without data that must not leave this service; None where there is none."""
        principle, spans = self.policy.rules.personal_data(Stage.INPUT, text)
        if not spans:
            return None, ()
        language = spoken_language(turn)

        def name(kind: Kind) -> str:
            key = f"mask_{kind.value}"
            messages = self.policy.messages
            return messages.fill(key if messages.has(key) else "mask_other", language, {})

        hidden, edits = masked(text, spans, name, principle)
        verdict = Verdict(
            Layer.RULES,
            MASK_RAIL,
            Outcome.MODIFY,
            principle=principle,
            score=1.0,
            rule=spans[0].kind.value,
            edits=edits,
        )
        enforced = terms.combiner.enforced(principle, terms.strictness)
        return (hidden if enforced else None), (verdict,)


def _without_orders(terms: Terms, passage: str, verdicts: Sequence[Verdict]) -> str | None:
    """A passage without the sentences that give orders; None where it has none."""
    edits = sorted(
        (
            edit
            for verdict in verdicts
            for edit in verdict.edits
            if terms.combiner.enforced(edit.principle, terms.strictness)
        ),
        key=lambda edit: edit.start,
    )
    if not edits:
        return None
    parts: list[str] = []
    position = 0
    for edit in edits:
        parts.append(passage[position : edit.start])
        position = edit.end
    parts.append(passage[position:].removeprefix(" "))
    return "".join(parts).strip()


def _before_the_turn(conversation: tuple[Message, ...]) -> tuple[Message, ...]:
    end = len(conversation)
    while end and conversation[end - 1].role is Role.USER:
        end -= 1
    return conversation[:end]
