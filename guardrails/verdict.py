"""What rails say: a `Verdict` of each layer, and the `Decision` a policy makes of them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """Where on the path of a message a text is checked."""

    INPUT = "input"
    RETRIEVAL = "retrieval"
    OUTPUT = "output"


class Layer(StrEnum):
    """Which layer spoke, cheapest first."""

    RULES = "rules"
    CLASSIFIER = "classifier"
    JUDGE = "judge"
    FLOW = "flow"
    """A Colang flow of `guardrails/config/rails/`."""


class Outcome(StrEnum):
    """What a layer, or the policy as a whole, concludes."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    UNSURE = "unsure"
    MODIFY = "modify"
    BLOCK = "block"
    ERROR = "error"
    """The layer could not decide: it crashed, timed out or answered nonsense."""


class Action(StrEnum):
    """What a principle asks for when it is violated (`on_violation`)."""

    BLOCK = "block"
    REPLACE = "replace"
    REVISE = "revise"
    MASK = "mask"
    ANNOTATE = "annotate"
    LOG = "log"


class Strictness(StrEnum):
    """How much is checked and what a finding leads to."""

    OFF = "off"
    MONITOR = "monitor"
    BALANCED = "balanced"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement in a text.

    Positions count characters: of the checked text in a `Verdict`, of the released text
    (`Decision.text`, where the replacement stands) in a `Decision`.
    """

    start: int
    end: int
    replacement: str = field(repr=False)
    kind: str
    """What was found, such as ``email``; never the text itself."""
    principle: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rail of one layer said about one text."""

    layer: Layer
    rail: str
    """The rail's full id, such as ``constitution check input``."""
    outcome: Outcome
    principle: str | None = None
    score: float | None = None
    """Probability of a violation, 0 to 1; None where the layer gives none."""
    rule: str | None = None
    """Id of the rule, head or category that decided; never user text."""
    edits: tuple[Edit, ...] = ()
    ms: float = 0.0
    """Milliseconds of wall time."""
    tokens: int = 0
    """Tokens the judge used, prompt and completion."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy makes of all verdicts on one text: the answer of a check."""

    id: str
    """Unique id a person can quote in an appeal."""
    stage: Stage
    outcome: Outcome
    """`PASS`, `MODIFY` (use `text`), `BLOCK` (also for replace), or `UNSURE` (only from checks
    limited to local layers). A check that failed closed is `BLOCK` with `failed`."""
    policy_version: str
    strictness: Strictness
    principle: str | None = None
    action: Action | None = None
    layer: Layer | None = None
    score: float | None = None
    ms: float = 0.0
    """Milliseconds of wall time for all layers."""
    verdicts: tuple[Verdict, ...] = ()
    """Every layer's verdict, in the order they spoke: the trace."""
    text: str | None = field(default=None, repr=False)
    """The text to use instead of the checked one, when the outcome is `MODIFY`."""
    edits: tuple[Edit, ...] = ()
    whole: bool = False
    """`text` stands for the whole answer, as after a revision: what was released of it before is
    withdrawn."""
    failed: bool = False
    """A rail could not decide and the policy failed closed: a fault, not a judgement."""
    would_block: bool = False
    """In `monitor`: what would have happened."""
    notes: tuple[str, ...] = ()
    """Machine-readable remarks, such as ``judge_missing``."""

    @property
    def blocked(self) -> bool:
        """Whether the checked text must not be used."""
        return self.outcome is Outcome.BLOCK
