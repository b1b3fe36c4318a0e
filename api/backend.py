"""What the HTTP side asks of the rooms behind it, so that each can be replaced or faked."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from langchain_core.runnables import Runnable

from api.schemas import Dependency
from api.settings import Settings
from chains.events import Told
from chains.turn import Language, Turn
from guardrails.dialogue import Message
from guardrails.verdict import Decision, Strictness


class Translated(Protocol):
    """A text in every published language."""

    def __getitem__(self, language: Language, /) -> str:
        """The text in `language`."""


class PublicPrinciple(Protocol):
    """A principle as it is published."""

    @property
    def id(self) -> str:
        """Stable id."""

    @property
    def title(self) -> Translated:
        """A few words, by language."""

    @property
    def summary(self) -> Translated:
        """One plain sentence, by language."""

    @property
    def text(self) -> Translated:
        """The principle itself, by language."""


class PublicPolicy(Protocol):
    """The words of a policy that everybody may read."""

    @property
    def version(self) -> str:
        """Hash of the policy folder."""

    @property
    def principles(self) -> Sequence[PublicPrinciple]:
        """In published order."""

    def message(self, key: str, language: str, **values: str) -> str:
        """Fill the message template `key` in `language`."""


class TextRails(Protocol):
    """The rails as far as texts that are only stored need them."""

    async def check_input(
        self, conversation: tuple[Message, ...], *, strictness: Strictness | None = None
    ) -> Decision:
        """Judge a person's text; never raises, a failing layer fails closed."""


class PublicRails(TextRails, Protocol):
    """The rails as far as the web side needs them."""

    @property
    def policy(self) -> PublicPolicy:
        """The policy these rails enforce."""


class PublicRailsSource(Protocol):
    """Hands out the active rails."""

    @property
    def current(self) -> PublicRails:
        """The rails in force now."""


class CitedPassage(Protocol):
    """A passage and where it stands; `chains.knowledge` gives it."""

    @property
    def id(self) -> str:
        """Of the passage."""

    @property
    def title(self) -> str:
        """Of the document."""

    @property
    def text(self) -> str:
        """The passage."""

    @property
    def heading(self) -> str | None:
        """Of the section."""

    @property
    def page(self) -> int | None:
        """From 1."""

    @property
    def url(self) -> str | None:
        """Where the document is published."""

    @property
    def neighbours(self) -> Sequence[tuple[str, str]]:
        """Id and text of the passages before and after, in document order."""


class Passages(Protocol):
    """Finds the passage behind a citation."""

    async def passage(self, passage_id: str) -> CitedPassage | None:
        """The passage of that id, if the knowledge base has it."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything behind the HTTP side, alive."""

    chat: Runnable[Turn, Told]
    """The path of one message (`chains.build`)."""
    rails: PublicRailsSource
    passages: Passages
    demo: bool
    """No model was found: answers are quoted from the knowledge base."""
    judged: Callable[[], bool]
    """Whether the second layer of checks has a model now: one may be found fit later."""
    model: str
    """Name of the answering model."""
    dependencies: Callable[[], Awaitable[Sequence[Dependency]]]
    """How the model, the judge, the knowledge base and the policy are, asked cheaply."""


BackendFactory = Callable[[Settings], AbstractAsyncContextManager[Backend]]
"""Makes the backend at start and closes it at shutdown."""
