"""What the stages ask of the rooms below them, so that each can be replaced or faked.

`guardrails.rails` and `chains.knowledge` satisfy these; tests pass scripted ones.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from guardrails.dialogue import Message
from guardrails.verdict import Decision, Layer, Strictness


class PolicyTexts(Protocol):
    """The words of a policy: what people and models read."""

    @property
    def version(self) -> str:
        """Hash of the policy folder, 12 hexadecimal characters."""

    @property
    def window_stride(self) -> int:
        """Most characters of an answer between two checks."""

    def message(self, key: str, language: str, **values: str) -> str:
        """Fill the message template `key` in `language`."""

    def render(self, task: str, **variables: object) -> tuple[Message, ...]:
        """Fill the prompt of `task`."""

    def principle_text(self, principle_id: str, language: str) -> "PrincipleText":
        """What a person reads of a principle, in `language`."""

    def refusal(self, decision: Decision, language: str) -> str:
        """What a person reads instead of what `decision` stopped."""


class PrincipleText(Protocol):
    """A principle in one language."""

    @property
    def id(self) -> str:
        """Stable id."""

    @property
    def title(self) -> str:
        """A few words."""

    @property
    def summary(self) -> str:
        """One plain sentence."""

    @property
    def alternatives(self) -> tuple[str, ...]:
        """What can be offered instead."""


class AnswerRails(Protocol):
    """The rails of one answer; windows come in order."""

    def cites(self, passages: Sequence[object]) -> None:
        """Learn the passages the answer may cite; claims are held against them."""

    async def check(self, window: str) -> Decision:
        """Judge the next window; `MODIFY` releases `decision.text`, perhaps holding some back."""

    async def check_reasoning(self, window: str) -> Decision:
        """Judge a window of reasoning text like answer text."""

    async def end(self) -> Decision:
        """Judge question and whole answer together; `text` is what was still held back."""


class Rails(Protocol):
    """One policy, executable. A check never raises: a failing layer fails closed."""

    @property
    def policy(self) -> PolicyTexts:
        """The policy these rails enforce."""

    async def check_input(
        self,
        conversation: tuple[Message, ...],
        *,
        strictness: Strictness | None = None,
        layers: Collection[Layer] | None = None,
    ) -> Decision:
        """Judge the person's turn, and system or tool text before it.

        With `layers` by these alone; what they leave open is then `UNSURE`.
        """

    async def check_passages(
        self, passages: Sequence[str], *, strictness: Strictness | None = None
    ) -> tuple[Decision, ...]:
        """Judge retrieved texts, each on its own, in order."""

    def answer(
        self, conversation: tuple[Message, ...], *, strictness: Strictness | None = None
    ) -> AnswerRails:
        """Begin the checks of an answer to `conversation`."""


class RailsSource(Protocol):
    """Hands out the active rails; a turn pins what it was handed."""

    @property
    def current(self) -> Rails:
        """The rails in force now."""
