"""The constitution's principles as data: what `constitution.yml` holds."""

from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from guardrails.verdict import Action, Layer, Stage, Strictness

Language = Literal["en", "zh"]
"""Languages that every text a person reads exists in."""

LANGUAGES: tuple[Language, ...] = get_args(Language)

Severity = Literal["critical", "high", "medium", "low"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Most severe first."""

STRICTNESSES = tuple(Strictness)
"""Least strict first."""

Transform = Literal["past_tense", "zh", "typos", "leetspeak"]
"""Changes of a violating example that must not change its verdict."""

Qwen3GuardCategory = Literal[
    "Violent",
    "Non-violent Illegal Acts",
    "Sexual Content or Sexual Acts",
    "PII",
    "Suicide & Self-Harm",
    "Unethical Acts",
    "Politically Sensitive Topics",
    "Copyright Violation",
    "Jailbreak",
]
"""Categories Qwen3Guard names (Qwen3Guard technical report, table 1)."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Sentence = Annotated[str, AfterValidator(_not_blank)]
PrincipleId = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)
]


class _Entry(BaseModel):
    """Base of what people write in YAML: immutable, unknown keys refused, values never quoted."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Translated(_Entry):
    """A text in every language."""

    en: Sentence
    zh: Sentence

    def __getitem__(self, language: Language) -> str:
        """The text in `language`; prompts index by language."""
        return self.zh if language == "zh" else self.en


class Alternatives(_Entry):
    """What a stopped person is offered instead, two or three in each language."""

    en: tuple[Sentence, ...] = Field(min_length=2, max_length=3)
    zh: tuple[Sentence, ...] = Field(min_length=2, max_length=3)

    def __getitem__(self, language: Language) -> tuple[str, ...]:
        """The offers in `language`."""
        return self.zh if language == "zh" else self.en


class Example(_Entry):
    """A test of a principle: a message, or an exchange that is judged where the answer is."""

    input: Sentence = Field(repr=False)
    output: Sentence | None = Field(default=None, repr=False)
    lang: Language | None = None
    """The language, where detecting it from the text would be wrong."""

    @model_validator(mode="before")
    @classmethod
    def _from_string(cls, value: object) -> object:
        return {"input": value} if isinstance(value, str) else value


class Examples(_Entry):
    """A principle's tests."""

    violates: tuple[Example, ...] = Field(min_length=1)
    allowed: tuple[Example, ...] = Field(min_length=1)
    metamorphic: tuple[Transform, ...] = ()


class Mappings(_Entry):
    """Which categories of ready-made judges mean a principle."""

    qwen3guard: tuple[Qwen3GuardCategory, ...] = ()


class Principle(_Entry):
    """One rule: its reasons, how it is enforced, what people read, and its tests."""

    id: PrincipleId
    title: Translated
    summary: Translated
    text: Translated
    why: Sentence
    allows: tuple[Sentence, ...] = Field(min_length=1)
    forbids: tuple[Sentence, ...] = Field(min_length=1)
    critique: Translated | None = None
    revision: Translated | None = None
    maps_to: Mappings
    severity: Severity
    min_strictness: Strictness
    """The least this principle may be run at, whatever strictness is asked for."""
    on_error: Literal["closed", "open"]
    """What a judge that fails means for a text this principle is unsure about."""
    applies_to: tuple[Stage, ...] = Field(min_length=1)
    layers: tuple[Literal[Layer.RULES, Layer.CLASSIFIER, Layer.JUDGE], ...] = Field(min_length=1)
    on_violation: Action
    review: str = Field(pattern=r"^(none|all|sample (100|[0-9]{1,2})(\.[0-9]+)?%)$")
    alternatives: Alternatives
    examples: Examples = Field(repr=False)
    owner: Sentence

    @field_validator("applies_to", "layers")
    @classmethod
    def _without_repeats(cls, value: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names the same thing twice")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Principle":
        if self.severity == "critical":
            if self.min_strictness not in (Strictness.BALANCED, Strictness.STRICT):
                raise ValueError("a critical principle needs min_strictness balanced or strict")
            if self.on_error != "closed":
                raise ValueError("a critical principle needs on_error closed")
        if (self.critique is None) != (self.revision is None):
            raise ValueError("critique and revision belong together: write both or neither")
        if self.on_violation is Action.REVISE and self.critique is None:
            raise ValueError("on_violation revise needs critique and revision")
        changes = (Action.REVISE, Action.MASK, Action.ANNOTATE)
        if self.on_violation in changes and Stage.OUTPUT not in self.applies_to:
            raise ValueError(f"on_violation {self.on_violation} needs output in applies_to")
        return self

    @property
    def review_share(self) -> float:
        """Share of this principle's decisions for the human queue, 0 to 1."""
        if self.review in ("none", "all"):
            return float(self.review == "all")
        return float(self.review.removeprefix("sample ").removesuffix("%")) / 100

    def at(self, strictness: Strictness) -> Strictness:
        """The strictness this principle runs at when `strictness` is asked for."""
        return max(strictness, self.min_strictness, key=STRICTNESSES.index)

    def checks(self, stage: Stage, layer: Layer) -> bool:
        """Whether `layer` looks for this principle in texts of `stage`."""
        return stage in self.applies_to and layer in self.layers


class Constitution(_Entry):
    """The file as a whole."""

    version: Literal[1]
    principles: tuple[Principle, ...] = Field(min_length=1)

    @cached_property
    def by_id(self) -> dict[str, Principle]:
        """Principles by their id."""
        return {principle.id: principle for principle in self.principles}
