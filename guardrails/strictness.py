"""What each strictness does: `strictness.yml`."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from guardrails.verdict import Layer, Strictness


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _milliseconds(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(milliseconds=value)
    raise ValueError("is a whole number of milliseconds")


Milliseconds = Annotated[timedelta, BeforeValidator(_milliseconds), Field(gt=timedelta())]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Threshold = Annotated[float, Field(ge=0.0, le=1.01)]


class Level(_Entry):
    """One strictness."""

    layers: tuple[Literal[Layer.RULES, Layer.CLASSIFIER, Layer.JUDGE], ...]
    """Which layers run."""
    judge: Literal["unsure", "always"]
    """When the judge is asked about a message or a window."""
    exchange: Literal["never", "unsure", "always"]
    """When question and whole answer are judged together at the end."""
    violation_from: Probability
    """Confidence of the judge from which a principle counts as violated."""
    controversial: Literal["review", "act"]
    """Whether Qwen3Guard's *Controversial* counts as a violation."""

    @model_validator(mode="after")
    def _not_blind(self) -> "Level":
        if Layer.RULES not in self.layers or Layer.CLASSIFIER not in self.layers:
            raise ValueError("rules and classifier always run: they cost next to nothing")
        return self


class Levels(_Entry):
    """Every strictness; `off` and `monitor` say what is recorded."""

    off: Level
    monitor: Level
    balanced: Level
    strict: Level

    def __getitem__(self, strictness: Strictness) -> Level:
        """The level of a strictness."""
        level: Level = getattr(self, strictness.value)
        return level


class BoundOverrides(_Entry):
    """Where a policy wants another bound than was measured with the classifier's weights."""

    clear_below: Threshold | None = None
    violation_above: Threshold | None = None
    jailbreak_clear_below: Threshold | None = None
    jailbreak_violation_above: Threshold | None = None
    instruction: Threshold | None = None


class ThresholdOverrides(_Entry):
    """Bounds of both languages."""

    en: BoundOverrides = BoundOverrides()
    zh: BoundOverrides = BoundOverrides()


class ClassifierSettings(_Entry):
    """Thresholds by stage; what is not set is the classifier's measured default."""

    answer_floor: Probability = 0.0
    """Harm from which the encoder reads a window of an answer; 0 as for messages."""
    input: ThresholdOverrides = ThresholdOverrides()
    output: ThresholdOverrides = ThresholdOverrides()
    retrieval: ThresholdOverrides = ThresholdOverrides()


class JudgeSettings(_Entry):
    """How the judge is asked."""

    deadline_ms: Milliseconds
    """Longest wait for a verdict; after it the check fails closed."""
    revision_deadline_ms: Milliseconds
    """Longest wait for a critique or a revision."""
    concurrent: int = Field(ge=1)
    """Most questions at a time to one endpoint; more wait, within their deadline."""
    cached_verdicts: int = Field(ge=0)
    """Verdicts kept in memory."""
    window_chars: tuple[int, ...] = Field(min_length=1)
    """Characters of an answer between two questions; the last one repeats."""


class Limits(_Entry):
    """Longest texts, in characters. What is longer fails closed."""

    message: int = Field(ge=1)
    """A person's turn. Prompts must have room for it."""
    answer: int = Field(ge=1)
    """An answer, for the judge of the whole exchange; of longer ones it reads start and end."""


class StrictnessFile(_Entry):
    """The file as a whole."""

    version: Literal[1]
    levels: Levels
    classifier: ClassifierSettings = ClassifierSettings()
    judge: JudgeSettings
    limits: Limits

    @model_validator(mode="after")
    def _ordered(self) -> "StrictnessFile":
        balanced, strict = self.levels.balanced, self.levels.strict
        if strict.judge != "always":
            raise ValueError("strict asks the judge about every text: judge must be always")
        if strict.violation_from > balanced.violation_from:
            raise ValueError("strict must not be laxer than balanced: lower its violation_from")
        for level in (self.levels.monitor, balanced, strict):
            if Layer.JUDGE not in level.layers:
                raise ValueError("monitor, balanced and strict need the judge in their layers")
        return self
