"""One text on its way through the layers, shared by the rails that look at it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from guardrails.judge import Question
from guardrails.layers import Layers, Local
from guardrails.verdict import Stage, Verdict

_NOTHING_LOCAL = Local((), cleared=True)


@dataclass(slots=True)
class Inspection:
    """Runs the layers once, however many rails ask.

    Attributes:
        layers: What runs.
        stage: Where the text stands.
        text: The text; several in `texts` where retrieved passages are checked at once.
        ask: What to ask the judge, once the local layers have spoken.
        apart: Ids of principles that have a judge call of their own (`$variant`).
        is_local: Whether rules and classifier read the text.
        found: The verdicts so far.
    """

    layers: Layers
    stage: Stage
    text: str = field(repr=False)
    ask: Callable[[Local], Question | None]
    apart: frozenset[str] = frozenset()
    is_local: bool = True
    found: list[Verdict] = field(default_factory=list)
    _question: Question | None = field(default=None, repr=False)
    _begun: bool = False

    async def run(self, variant: str | None = None) -> tuple[Verdict, ...]:
        """Run what one rail stands for: the layers and the shared judge call, or a variant's."""
        before = len(self.found)
        self._begin()
        if self._question is not None:
            principles = tuple(
                principle
                for principle in self.layers.judged_principles(self.stage)
                if (principle.id == variant if variant else principle.id not in self.apart)
            )
            if principles:
                question = replace(self._question, principles=principles)
                self.found.extend(await self.layers.ask(question))
        return tuple(self.found[before:])

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        local = self.layers.local(self.stage, self.text) if self.is_local else _NOTHING_LOCAL
        self.found.extend(local.verdicts)
        self._question = self.ask(local)
