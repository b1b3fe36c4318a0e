"""Rules as data: what the files of `rules/` hold."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from guardrails.pii import Kind
from guardrails.principles import PrincipleId, Sentence
from guardrails.verdict import Stage


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RuleTests(_Entry):
    """What a rule must and must not match; loading runs them."""

    matches: tuple[Sentence, ...] = Field(min_length=1, repr=False)
    passes: tuple[Sentence, ...] = Field(default=(), repr=False)


class Rule(_Entry):
    """Patterns that mean something for a principle."""

    id: PrincipleId
    principle: PrincipleId
    stages: tuple[Stage, ...] = Field(min_length=1)
    then: Literal["block", "flag"]
    """`block`: a violation. `flag`: unsure, the judge decides."""
    hints: tuple[Sentence, ...] = ()
    """Lower-case pieces of which a text must hold one, or the patterns are not tried at all."""
    any: tuple[Sentence, ...] = ()
    """Patterns of which one must match."""
    all: tuple[Sentence, ...] = ()
    """Patterns that must match together."""
    unless: tuple[Sentence, ...] = ()
    """Patterns that make the rule not apply."""
    tests: RuleTests

    @model_validator(mode="after")
    def _has_patterns(self) -> "Rule":
        if not (self.any or self.all):
            raise ValueError("needs patterns in any or all")
        if any(hint != hint.lower() for hint in self.hints):
            raise ValueError("hints are compared with lower-case text: write them so")
        return self


class Allowance(_Entry):
    """Messages that are known to be fine although they look alike: an allow list.

    A pattern must match the whole message, so that nothing can be added to it, and deny rules and
    what an encoding hides are still checked.
    """

    id: PrincipleId
    any: tuple[Sentence, ...] = Field(min_length=1)
    tests: RuleTests


class PersonalData(_Entry):
    """What is masked, where."""

    principle: PrincipleId
    input: tuple[Kind, ...] = ()
    output: tuple[Kind, ...] = ()
    role_mailboxes: tuple[Sentence, ...] = ()


class Bloat(_Entry):
    """When a text is so long and repetitive that it may be there to push rules out of mind."""

    principle: PrincipleId
    characters: int = Field(ge=100)
    """Shorter texts are never bloat."""
    compression: float = Field(gt=1.0)
    """How many times smaller it compresses (DEFLATE); prose stays below 4."""


class RuleFile(_Entry):
    """One file of `rules/`."""

    version: Literal[1]
    rules: tuple[Rule, ...] = ()
    allow: tuple[Allowance, ...] = ()
    personal_data: PersonalData | None = None
    bloat: Bloat | None = None
