"""What the classifier says of a text, and what a policy's thresholds make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Reading(StrEnum):
    """The classifier's three outcomes."""

    CLEAR = "clear"
    """Surely harmless: the judge need not be asked."""
    UNSURE = "unsure"
    """The judge is to decide."""
    VIOLATION = "violation"
    """Surely harmful: no judge is needed to stop it."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Calibrated scores of one text. The text itself is not kept."""

    harm: float
    """Probability, 0 to 1, that the text asks for or is something the constitution forbids."""
    jailbreak: float
    """Probability, 0 to 1, that the text tries to make the assistant drop its rules."""
    groups: Mapping[str, float]
    """For each principle id, the probability that a violation would be of this principle."""
    gates: tuple[str, ...]
    """Reasons for which no score of this text is trusted as clear: `language`, `machine_made`,
    `length`."""
    stage: Literal["linear", "encoder"]
    """The part of the cascade that decided."""
    language: Literal["en", "zh"] = "en"
    """The language whose thresholds apply."""
    ms: float = 0.0
    """Milliseconds of wall time; in a batch, this text's share."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the scores of one language turn into readings.

    Attributes:
        clear_below: A text is clear only when `harm` is below this.
        violation_above: `harm` from which a text is a violation.
        jailbreak_clear_below: A text is clear only when `jailbreak` is below this.
        jailbreak_violation_above: `jailbreak` from which a text is a violation of `integrity`.
        instruction: Score from which a sentence of a document counts as an instruction.
    """

    clear_below: float
    violation_above: float
    jailbreak_clear_below: float
    jailbreak_violation_above: float
    instruction: float

    def __post_init__(self) -> None:
        """Refuse values that cannot be probabilities or leave no order.

        Raises:
            ValueError: A value is outside 0 to 1.01, or a clear bound lies above its violation
                bound. 1.01 switches a violation off.
        """
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.01:  # noqa: PLR2004 - just above 1: never reached
                raise ValueError(f"{name} is {value}, not a probability")
        for low, high in (
            ("clear_below", "violation_above"),
            ("jailbreak_clear_below", "jailbreak_violation_above"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} lies above {high}")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Bounds of both languages. The shipped ones were measured on the quantised model."""

    en: Bounds
    zh: Bounds

    def of(self, language: Literal["en", "zh"]) -> Bounds:
        """Return the bounds of a language."""
        return self.zh if language == "zh" else self.en

    @classmethod
    def parse(cls, record: Mapping[str, Mapping[str, float]]) -> "Thresholds":
        """Read `{"en": {...}, "zh": {...}}`, the form of `thresholds.json`.

        Raises:
            ValueError: A key is missing or unknown, or a value is no probability.
        """
        try:
            return cls(**{language: Bounds(**bounds) for language, bounds in record.items()})
        except TypeError as error:
            raise ValueError(f"thresholds do not fit: {error}") from error


@dataclass(frozen=True, slots=True)
class Assessment:
    """A reading with its reason."""

    reading: Reading
    principle: str | None
    """The principle most likely concerned; None when the text is clear or only a gate spoke."""
    score: float
    """The score that decided."""
    reason: str
    """`harm`, `jailbreak`, or the name of the first gate."""


def decide(scores: Scores, thresholds: Thresholds) -> Assessment:
    """Turn scores into clear, unsure or violation.

    A gate makes a text at most unsure-clear: it forbids *clear*, never *violation*.

    Args:
        scores: What `Classifier.score` returned for a text.
        thresholds: The policy's thresholds.
    """
    bounds = thresholds.of(scores.language)
    principle = max(scores.groups, key=scores.groups.__getitem__) if scores.groups else None
    if scores.harm >= bounds.violation_above:
        return Assessment(Reading.VIOLATION, principle, scores.harm, "harm")
    if scores.jailbreak >= bounds.jailbreak_violation_above:
        return Assessment(Reading.VIOLATION, "integrity", scores.jailbreak, "jailbreak")
    if scores.harm >= bounds.clear_below:
        return Assessment(Reading.UNSURE, principle, scores.harm, "harm")
    if scores.jailbreak >= bounds.jailbreak_clear_below:
        return Assessment(Reading.UNSURE, "integrity", scores.jailbreak, "jailbreak")
    if scores.gates:
        return Assessment(Reading.UNSURE, None, scores.harm, scores.gates[0])
    return Assessment(Reading.CLEAR, None, scores.harm, "harm")
