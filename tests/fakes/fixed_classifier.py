"""A classifier whose readings are written into the text, for tests that need a sure one."""

from collections.abc import Sequence

from guardrails.classifier.scores import Bounds, Scores, Thresholds

BOUNDS = Bounds(
    clear_below=0.1,
    violation_above=0.9,
    jailbreak_clear_below=0.1,
    jailbreak_violation_above=0.9,
    instruction=0.9,
)


class FixedClassifier:
    """Clear unless the text says otherwise: ``[harm]``, ``[unsure]``, ``[gate]``, ``[order]``."""

    def __init__(self) -> None:
        self.thresholds = Thresholds(en=BOUNDS, zh=BOUNDS)
        self.read: list[str] = []
        self.floors: set[float] = set()
        self.principle = "no-weapons"
        self.harms = "[harm]"
        self.breaks = False

    def score(self, texts: Sequence[str], *, floor: float = 0.0) -> list[Scores]:
        if self.breaks:
            raise RuntimeError("scripted")
        self.read.extend(texts)
        self.floors.add(floor)
        return [self._scores(text) for text in texts]

    def score_instructions(self, sentences: Sequence[str]) -> list[float]:
        self.read.extend(sentences)
        return [0.99 if "[order]" in sentence else 0.01 for sentence in sentences]

    def _scores(self, text: str) -> Scores:
        harm = (
            0.99 if self.harms in text or "[harm]" in text else 0.5 if "[unsure]" in text else 0.01
        )
        return Scores(
            harm=harm,
            jailbreak=0.01,
            groups={self.principle: 0.9, "privacy": 0.1},
            gates=("language",) if "[gate]" in text else (),
            stage="linear",
        )
