"""The rails of one answer: windows come in order, and at the end the whole is judged once."""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

from guardrails.checked_stream import CheckedStream, Inspects, Terms, decision
from guardrails.combine import Ruling
from guardrails.dialogue import Message, spoken_language, user_turn
from guardrails.judge import Question
from guardrails.layers import Local
from guardrails.pii import known_data
from guardrails.revision import RevisionError
from guardrails.verdict import Action, Decision, Edit, Outcome, Stage, Verdict


class AnswerRails:
    """Checks one answer as it comes. Not to be shared between answers.

    Args:
        rails: Runs the rails.
        terms: What the checks go by.
        conversation: What the answer answers.
        passages: What it may cite, with title and text.
    """

    def __init__(
        self,
        rails: Inspects,
        terms: Terms,
        conversation: tuple[Message, ...],
        passages: Sequence[object] = (),
    ) -> None:
        known = known_data(message.text for message in conversation)
        self._rails = rails
        self._terms = terms
        self._conversation = conversation
        self._passages = passages
        self._turn = user_turn(conversation)
        self._language = spoken_language(self._turn)
        self._answer = CheckedStream(rails, terms, conversation, known, hold=True)
        self._reasoning = CheckedStream(rails, terms, conversation, known, hold=False)

    def cites(self, passages: Sequence[object]) -> None:
        """Learn what the answer may cite, once it was retrieved: claims are held against it."""
        self._passages = passages

    async def check(self, window: str) -> Decision:
        """Judge the next window of the answer."""
        return await self._answer.check(window)

    async def check_reasoning(self, window: str) -> Decision:
        """Judge the next window of the model's reasoning like one of the answer."""
        return await self._reasoning.check(window)

    async def end(self) -> Decision:
        """Judge question and whole answer together, and release what was held back."""
        began = perf_counter()
        stream, terms = self._answer, self._terms
        if stream.blocked is not None:
            return stream.blocked
        verdicts: tuple[Verdict, ...] = ()
        if stream.text:
            verdicts = await self._rails.inspect(
                Stage.OUTPUT, stream.text, self._exchange, self._conversation, local=False
            )
        always = terms.combiner.always_judged(Stage.OUTPUT, terms.strictness)
        doubt = terms.doubt(
            needed=bool(stream.text) and (stream.doubted or always), principle=stream.principle
        )
        ruling = terms.combiner.rule(Stage.OUTPUT, terms.strictness, verdicts, doubt)
        if ruling.stops:
            return stream.stop(ruling, verdicts, began)
        revise = ruling.revise or stream.revise
        if revise is not None:
            return await self._revised(revise, ruling, verdicts, began)
        return self._released(ruling, verdicts, began)

    def _exchange(self, _: Local) -> Question | None:
        """The question about the whole, where the strictness asks for one."""
        terms, stream = self._terms, self._answer
        if not terms.asks:
            return None
        exchange = terms.policy.strictness.levels[terms.strictness].exchange
        asked_for = exchange == "always" or (exchange == "unsure" and stream.ever_doubted)
        if not asked_for and not stream.doubted:
            return None
        limits = terms.policy.strictness.limits
        return Question(
            "constitution_judge_exchange",
            (),
            user_input=_ends(self._turn, limits.message),
            bot_response=_ends(stream.text, limits.answer),
            passages=self._passages,
        )

    def _released(self, ruling: Ruling, verdicts: tuple[Verdict, ...], began: float) -> Decision:
        """Let go of what was held back, with the notes that principles ask for."""
        stream, terms = self._answer, self._terms
        text, edits, found = stream.release(final=True)
        noted: set[str] = set()
        for verdict in (*stream.annotations, *ruling.annotate):
            if verdict.principle is None or verdict.principle in noted:
                continue
            noted.add(verdict.principle)
            principle = terms.policy.principle(verdict.principle)
            note = terms.policy.messages.of_principle("annotated", principle, self._language)
            addition = f"\n\n{note}"
            end = len(text) + len(addition)
            edits = (*edits, Edit(len(text), end, addition, "annotated", principle.id))
            text += addition
        return decision(
            terms,
            Stage.OUTPUT,
            ruling,
            (*verdicts, *found),
            began,
            text=text or None,
            edits=edits,
        )

    async def _revised(
        self, cause: Verdict, ruling: Ruling, verdicts: tuple[Verdict, ...], began: float
    ) -> Decision:
        """Have the answer rewritten; what cannot be rewritten is stopped."""
        terms, stream = self._terms, self._answer
        if terms.reviser is None or cause.principle is None:
            return stream.stop(replace(ruling, block=cause), verdicts, began)
        principle = terms.policy.principle(cause.principle)
        try:
            revision = await terms.reviser.revise(
                principle,
                user_input=self._turn,
                bot_response=stream.text,
                passages=self._passages,
                language=self._language,
            )
        except RevisionError:
            return stream.stop(replace(ruling, failed=True), verdicts, began)
        if revision.text is None:
            # The judge objects, the critic finds nothing to change: say so and let the reader see.
            noted = replace(ruling, revise=None, annotate=(*ruling.annotate, cause))
            return self._released(noted, verdicts, began)
        # A second objection to the rewritten answer stops it: nothing is rewritten twice.
        again = AnswerRails(
            self._rails, replace(terms, reviser=None), self._conversation, self._passages
        )
        first = await again.check(revision.text)
        last = await again.end()
        trace = (*verdicts, *first.verdicts, *last.verdicts)
        stopped = next((d for d in (first, last) if d.blocked), None)
        if stopped is not None:
            stream.blocked = replace(stopped, verdicts=trace)
            return stream.blocked
        text = (revision.text if first.text is None else first.text) + (last.text or "")
        shift = len(text) - len(last.text or "")
        later = tuple(
            replace(edit, start=edit.start + shift, end=edit.end + shift) for edit in last.edits
        )
        whole = Edit(0, len(text), text, "revised", principle.id)
        return replace(
            decision(terms, Stage.OUTPUT, ruling, trace, began, text=text),
            outcome=Outcome.MODIFY,
            action=Action.REVISE,
            principle=principle.id,
            layer=cause.layer,
            score=cause.score,
            edits=(whole, *first.edits, *later),
            whole=True,
        )


def _ends(text: str, limit: int) -> str:
    """The text, or its beginning and its end where it is longer than `limit`."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[…]\n{text[-half:]}"
