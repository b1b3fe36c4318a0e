"""A text that comes in windows and leaves checked, masked, held back for a while, or not at all."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final, Protocol

from guardrails.canary import Canary, squeeze
from guardrails.combine import Combiner, Doubt, Ruling
from guardrails.dialogue import Message, spoken_language, user_turn
from guardrails.judge import Question
from guardrails.layers import Local
from guardrails.masks import complete_part, masked
from guardrails.pii import Kind
from guardrails.policy import Policy
from guardrails.revision import Reviser
from guardrails.verdict import Action, Decision, Edit, Layer, Outcome, Stage, Strictness, Verdict

CONTEXT: Final = 120
"""Characters before a window that the local layers read with it."""

JUDGE_CONTEXT: Final = 400
"""Characters before a window that the judge reads with it."""

CANARY_RAIL: Final = "canary"
MASK_RAIL: Final = "personal data"

Ask = Callable[[Local], Question | None]
"""What to ask the judge about a text, once the local layers have spoken; None: nothing yet. The
question's principles are filled in by whoever asks."""


class Inspects(Protocol):
    """Runs every rail of a stage over a text; `guardrails.rails.Rails`."""

    async def inspect(
        self,
        stage: Stage,
        text: str,
        ask: Ask,
        conversation: tuple[Message, ...],
        *,
        local: bool = True,
    ) -> tuple[Verdict, ...]:
        """Run the stage's rails.

        Args:
            stage: Which rails.
            text: What is checked.
            ask: What to ask the judge.
            conversation: What led to the text, for rails that read it.
            local: Whether rules and classifier read the text; not again, where they did before.

        Returns:
            All verdicts; a rail that fails is an `ERROR` verdict, never an exception.
        """


@dataclass(frozen=True, slots=True)
class Terms:
    """What an answer's checks go by, fixed when the answer begins."""

    policy: Policy
    combiner: Combiner
    strictness: Strictness
    judge: bool
    """Whether a judge is configured."""
    limited: bool = False
    """Whether the caller asked for local layers only."""
    canary: Canary | None = None
    reviser: Reviser | None = None

    @property
    def asks(self) -> bool:
        """Whether there is a judge to ask."""
        return self.judge and not self.limited

    def doubt(self, *, needed: bool, principle: str | None = None) -> Doubt:
        """What is known of the need for a judge."""
        return Doubt(needed, principle, limited=self.limited, missing=not self.judge)


def decision(
    terms: Terms,
    stage: Stage,
    ruling: Ruling,
    verdicts: tuple[Verdict, ...],
    began: float,
    *,
    text: str | None = None,
    edits: tuple[Edit, ...] = (),
) -> Decision:
    """Put a ruling into words.

    Args:
        terms: What the check went by.
        stage: Where the text stands.
        ruling: What is to be done.
        verdicts: The trace.
        began: `perf_counter` when the check began.
        text: What to use instead of the checked text; None to use it as it is.
        edits: What was changed, by positions in `text`.
    """
    found = ruling.block or ruling.revise or ruling.recorded
    if ruling.stops:
        outcome, text, edits = Outcome.BLOCK, None, ()
    elif text is not None:
        outcome = Outcome.MODIFY
    else:
        outcome = Outcome.UNSURE if ruling.unsure else Outcome.PASS
    named = found if ruling.block or not ruling.failed else None
    principle = named.principle if named else (edits[0].principle if edits else None)
    return Decision(
        id=secrets.token_hex(8),
        stage=stage,
        outcome=outcome,
        policy_version=terms.policy.version,
        strictness=terms.strictness,
        principle=principle,
        action=_action(terms, stage, ruling, edits),
        layer=named.layer if named else (Layer.RULES if edits else None),
        score=named.score if named else None,
        ms=(perf_counter() - began) * 1e3,
        verdicts=verdicts,
        text=text,
        edits=edits,
        failed=ruling.failed,
        would_block=ruling.recorded is not None or ruling.recorded_fault,
        notes=ruling.notes,
    )


def _action(terms: Terms, stage: Stage, ruling: Ruling, edits: tuple[Edit, ...]) -> Action | None:
    if ruling.block is not None:
        return terms.combiner.action_of(stage, ruling.block)
    if ruling.failed:
        return Action.BLOCK
    if edits:
        return Action.ANNOTATE if edits[-1].kind == "annotated" else Action.MASK
    return None


class CheckedStream:
    """One text on its way out: the answer, or the model's reasoning.

    Args:
        rails: Runs the rails.
        terms: What the checks go by.
        conversation: What is answered.
        known: Personal data the reader gave themselves (`guardrails.pii.essence`).
        hold: Whether text may be kept back until more of it has come.
    """

    def __init__(
        self,
        rails: Inspects,
        terms: Terms,
        conversation: tuple[Message, ...],
        known: frozenset[str],
        *,
        hold: bool,
    ) -> None:
        self._rails = rails
        self._terms = terms
        self._conversation = conversation
        self._known = known
        self._hold = hold
        self._turn = user_turn(conversation)
        self._language = spoken_language(self._turn)
        self._held = ""
        self._squeezed = ""
        self._judged = 0
        self.text = ""
        """All that has come."""
        self.doubted = False
        """Whether what is held back still waits for the judge."""
        self.ever_doubted = False
        self.principle: str | None = None
        """The principle that is doubted, where one is."""
        self.revise: Verdict | None = None
        """Why the answer must be rewritten before any more of it is shown."""
        self.annotations: list[Verdict] = []
        self.blocked: Decision | None = None

    async def check(self, window: str) -> Decision:
        """Judge the next window and say what may leave."""
        began = perf_counter()
        if self.blocked is not None:
            return self.blocked
        self.text += window
        self._held += window
        asked = False

        def ask(local: Local) -> Question | None:
            nonlocal asked
            question = self._question(local)
            asked = question is not None
            return question

        leak = self._leak(window)
        if leak is None:
            start = max(0, len(self.text) - len(window) - CONTEXT)
            verdicts = await self._rails.inspect(
                Stage.OUTPUT, self.text[start:], ask, self._conversation
            )
        else:
            verdicts = (leak,)
        waits = self.doubted and self._terms.asks and not asked
        doubt = self._terms.doubt(needed=self.doubted and not waits, principle=self.principle)
        ruling = self._terms.combiner.rule(Stage.OUTPUT, self._terms.strictness, verdicts, doubt)
        if ruling.stops:
            return self.stop(ruling, verdicts, began)
        if not waits:
            self.doubted = False
        self._judged += asked
        self.revise = self.revise or ruling.revise
        self.annotations.extend(ruling.annotate)
        if waits or self.revise is not None:
            return decision(self._terms, Stage.OUTPUT, ruling, verdicts, began, text="")
        text, edits, found = self.release(final=not self._hold)
        unchanged = text == window and not edits
        return decision(
            self._terms,
            Stage.OUTPUT,
            ruling,
            (*verdicts, *found),
            began,
            text=None if unchanged else text,
            edits=edits,
        )

    def stop(self, ruling: Ruling, verdicts: tuple[Verdict, ...], began: float) -> Decision:
        """End the text: nothing leaves any more."""
        self._held = ""
        self.blocked = decision(self._terms, Stage.OUTPUT, ruling, verdicts, began)
        return self.blocked

    def release(self, *, final: bool) -> tuple[str, tuple[Edit, ...], tuple[Verdict, ...]]:
        """Take what can leave now, with personal data hidden.

        Args:
            final: Whether nothing follows, so that all of it leaves.

        Returns:
            The text, its edits, and the verdicts that explain them.
        """
        cut = len(self._held) if final else self._complete()
        part, self._held = self._held[:cut], self._held[cut:]
        policy = self._terms.policy
        principle, spans = policy.rules.personal_data(Stage.OUTPUT, part, known=self._known)
        if not spans:
            return part, (), ()
        text, edits = masked(part, spans, self._mask, principle)
        verdict = Verdict(
            Layer.RULES,
            MASK_RAIL,
            Outcome.MODIFY,
            principle=principle,
            score=1.0,
            rule=spans[0].kind.value,
            edits=edits,
        )
        if not self._terms.combiner.enforced(principle, self._terms.strictness):
            return part, (), (verdict,)
        return text, edits, (verdict,)

    def _question(self, local: Local) -> Question | None:
        """What to ask the judge now; larger pieces the longer the answer gets."""
        terms = self._terms
        always = terms.combiner.always_judged(Stage.OUTPUT, terms.strictness)
        if always or not local.cleared:
            self.doubted = self.ever_doubted = True
            self.principle = local.principle or self.principle
        steps = terms.policy.strictness.judge.window_chars
        step = steps[min(self._judged, len(steps) - 1)]
        if not self.doubted or not terms.asks or (self._hold and len(self._held) < step):
            return None
        return Question(
            "constitution_judge_output",
            (),
            user_input=self._turn,
            bot_response=self.text[-(len(self._held) + JUDGE_CONTEXT) :],
        )

    def _complete(self) -> int:
        """How much of what is held back cannot be the beginning of something hidden."""
        cut = complete_part(self._held)
        canary = self._terms.canary
        if canary is not None and (begun := canary.begun(self._squeezed)):
            position = len(self._held)
            while position and len(squeeze(self._held[position:])) < begun:
                position -= 1
            cut = min(cut, position)
        return cut

    def _leak(self, window: str) -> Verdict | None:
        canary = self._terms.canary
        if canary is None:
            return None
        self._squeezed = self._squeezed[-canary.longest :] + squeeze(window)
        if not canary.is_in(self._squeezed):
            return None
        principle = "integrity" if "integrity" in self._terms.policy.constitution.by_id else None
        return Verdict(
            Layer.RULES, CANARY_RAIL, Outcome.BLOCK, principle=principle, score=1.0, rule="canary"
        )

    def _mask(self, kind: Kind) -> str:
        messages = self._terms.policy.messages
        key = f"mask_{kind.value}"
        return messages.fill(key if messages.has(key) else "mask_other", self._language, {})
