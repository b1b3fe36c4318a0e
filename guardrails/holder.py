"""Who hands out the rails in force, and exchanges them without a request ever going without.

A new policy is read, compiled and tested beside the running one; then one reference is exchanged.
Whatever is wrong with it is told with file and line, and the old one stays.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from typing_extensions import override

from guardrails.examples import ExampleResult, failures, run_examples
from guardrails.judge import JudgeEndpoint
from guardrails.layers import Reader
from guardrails.policy import Policy, load_policy, read_folder, version_of
from guardrails.rails import Rails
from guardrails.source import Place, PolicyError, Problem
from guardrails.verdict import Strictness
from guardrails.verdict_cache import VerdictCache
from guardrails.versions import PolicyStore, Publisher
from guardrails.watch import Watcher

POLL: Final = timedelta(seconds=1)
"""How often the folder is looked at where the system reports no changes."""

_PATIENCE: Final = 0.2
"""Seconds between two cancellations of a task that does not end."""

DRAIN: Final = timedelta(minutes=10)
"""How long replaced rails keep their connections for turns that pinned them."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every policy is compiled with."""

    classifier: Reader | None = None
    judge: JudgeEndpoint | None = None
    writer: JudgeEndpoint | None = None
    """The model that rewrites answers; the judge where it can write."""
    canary: str | None = field(default=None, repr=False)
    verdicts: VerdictCache | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A policy that did not become active."""

    at: datetime
    problems: tuple[Problem, ...]
    active: str
    """Version of the policy that stays in force."""

    @override
    def __str__(self) -> str:
        """Every problem on a line of its own."""
        return "\n".join(str(problem) for problem in self.problems)


class RailsHolder:
    """Holds the rails in force. A turn pins what `current` returned.

    Args:
        rails: The first rails.
        folder: Where policies come from.
        equipment: What they are compiled with.
        failing: Examples that fail under the first rails.
        on_refused: Told of every policy that did not become active.
        on_activated: Told of every version that did.
    """

    def __init__(
        self,
        rails: Rails,
        folder: Path,
        equipment: Equipment,
        *,
        failing: tuple[ExampleResult, ...] = (),
        on_refused: Callable[[Refusal], None] | None = None,
        on_activated: Callable[[str], None] | None = None,
    ) -> None:
        self._rails = rails
        self._folder = folder
        self._equipment = equipment
        self._failing = failing
        self._on_refused = on_refused
        self._on_activated = on_activated
        self._exchanging = asyncio.Lock()
        self._refused_version: str | None = None
        self._follows = False
        self._draining: set[asyncio.Task[None]] = set()
        self.last_error: Refusal | None = None
        """Why the last edit was refused; None once a policy became active again."""

    @classmethod
    async def open(
        cls,
        folder: Path,
        equipment: Equipment,
        *,
        strictness: Strictness = Strictness.BALANCED,
        on_refused: Callable[[Refusal], None] | None = None,
        on_activated: Callable[[str], None] | None = None,
    ) -> "RailsHolder":
        """Load the first policy.

        Its examples are run, and those that fail are kept in `failing_examples`: a service must
        start with the policy it has, and no later edit may make more of them fail.

        Raises:
            PolicyError: The folder holds no valid policy. There is no service without one.
        """
        rails, results = await _build(folder, equipment, strictness)
        return cls(
            rails,
            folder,
            equipment,
            failing=tuple(failures(results)),
            on_refused=on_refused,
            on_activated=on_activated,
        )

    @property
    def current(self) -> Rails:
        """The rails in force now."""
        return self._rails

    @property
    def failing_examples(self) -> tuple[ExampleResult, ...]:
        """Examples that fail under the rails in force."""
        return self._failing

    @property
    def strictness(self) -> Strictness:
        """The strictness in force."""
        return self._rails.strictness

    @strictness.setter
    def strictness(self, strictness: Strictness) -> None:
        self._rails.strictness = strictness

    async def reload(self, folder: Path | None = None) -> bool:
        """Read the folder again and put it into force if it is right.

        Args:
            folder: Another folder from now on, such as a published version's.

        Returns:
            Whether the folder's policy is in force now. Otherwise `last_error` says why not.
        """
        async with self._exchanging:
            folder = self._folder if folder is None else folder
            try:
                version = await asyncio.to_thread(lambda: version_of(read_folder(folder)))
            except (OSError, PolicyError):
                version = None  # load_policy says what is wrong
            if version is not None and version == self._rails.policy.version:
                self._folder = folder
                self.last_error = self._refused_version = None
                return True
            if version is not None and version == self._refused_version:
                return False
            return await self._exchange(folder, version)

    async def equip(self, equipment: Equipment) -> None:
        """Compile the policy in force with another judge or classifier, as when one was found."""
        async with self._exchanging:
            old = self._rails
            self._rails = await Rails.compile(
                old.policy,
                classifier=equipment.classifier,
                judge=equipment.judge,
                strictness=old.strictness,
                canary=equipment.canary,
                writer=equipment.writer,
                verdicts=equipment.verdicts,
            )
            self._equipment = equipment
            self._retire(old)

    @contextlib.asynccontextmanager
    async def watching(self, *, poll: timedelta = POLL) -> AsyncIterator[None]:
        """Reload whenever the folder of the first policy is edited, while the context lasts.

        Args:
            poll: How often to look where the system reports no changes, as on network volumes.
        """
        stop = asyncio.Event()
        watcher = Watcher(
            self._folder,
            self._rails.policy.version,
            changed=self.reload,
            waits=lambda: self._follows,
        )
        tasks = (
            asyncio.create_task(watcher.listen(stop)),
            asyncio.create_task(watcher.poll(poll, stop)),
        )
        try:
            yield
        finally:
            stop.set()
            await _ended(*tasks)

    @contextlib.asynccontextmanager
    async def following(
        self, publisher: Publisher, store: PolicyStore, *, poll: timedelta = POLL
    ) -> AsyncIterator[None]:
        """Put into force whatever version is published, while the context lasts.

        From the first published version on, edits of the watched folder wait to be published.

        Args:
            publisher: Where versions are announced.
            store: Where versions are kept on this machine.
            poll: How often to ask, should an announcement be lost.
        """
        task = asyncio.create_task(self._follow(publisher, store, poll))
        try:
            yield
        finally:
            await _ended(task)

    async def aclose(self) -> None:
        """Close the rails in force and those that were replaced."""
        await _ended(*self._draining)
        await self._rails.aclose()

    async def _exchange(self, folder: Path, version: str | None) -> bool:
        old = self._rails
        try:
            rails, results = await _build(folder, self._equipment, old.strictness)
        except PolicyError as error:
            self._refuse(error.problems, version)
            return False
        failing = tuple(failures(results))
        known = {result.key for result in self._failing}
        broken = [result for result in failing if result.key not in known]
        if broken:
            await rails.aclose()
            self._refuse(tuple(_problem_of(rails.policy, one) for one in broken), version)
            return False
        rails.strictness = old.strictness
        self._rails, self._folder, self._failing = rails, folder, failing
        self.last_error = self._refused_version = None
        self._retire(old)
        if self._on_activated is not None:
            self._on_activated(rails.policy.version)
        return True

    def _refuse(self, problems: tuple[Problem, ...], version: str | None) -> None:
        self._refused_version = version
        self.last_error = Refusal(datetime.now(UTC), problems, self._rails.policy.version)
        if self._on_refused is not None:
            self._on_refused(self.last_error)

    def _retire(self, rails: Rails) -> None:
        """Close replaced rails once the turns that pinned them have ended."""

        async def close_later() -> None:
            try:
                await asyncio.sleep(DRAIN.total_seconds())
            finally:
                await rails.aclose()

        task = asyncio.create_task(close_later())
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _follow(self, publisher: Publisher, store: PolicyStore, poll: timedelta) -> None:
        refused: str | None = None
        async with contextlib.aclosing(publisher.announcements(every=poll)) as versions:
            async for version in versions:
                self._follows = True
                if version in (self._rails.policy.version, refused):
                    continue
                refused = version
                archive = await publisher.archive(version)
                try:
                    if archive is not None:
                        await asyncio.to_thread(store.unpack, version, archive)
                    folder = store.folder(version)
                except PolicyError as error:
                    self._refuse(error.problems, version)
                    continue
                if await self.reload(folder):
                    refused = None


async def _ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended.

    One cancellation can be lost: a client's timeout that runs out at that moment turns it into a
    `TimeoutError`, which reads as an outage and is survived.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_PATIENCE)


async def _build(
    folder: Path, equipment: Equipment, strictness: Strictness
) -> tuple[Rails, list[ExampleResult]]:
    """Load, compile and test a policy beside the event loop."""
    policy = await asyncio.to_thread(load_policy, folder)
    rails = await Rails.compile(
        policy,
        classifier=equipment.classifier,
        judge=equipment.judge,
        strictness=strictness,
        canary=equipment.canary,
        writer=equipment.writer,
        verdicts=equipment.verdicts,
    )
    # Local layers only, so nothing of the loop is touched: the judge runs when a version is
    # published, not whenever a file is saved.
    results = await asyncio.to_thread(lambda: asyncio.run(run_examples(rails)))
    return rails, results


def _problem_of(policy: Policy, result: ExampleResult) -> Problem:
    found = f"{result.outcome.value}" + (f" by {result.layer.value}" if result.layer else "")
    wanted = "must not be blocked" if result.kind == "allowed" else "must be found"
    return policy.source.problem(
        _place(policy, result),
        f"example {result.index + 1} of '{result.principle}' ({result.kind}) {wanted}: {found}",
        "correct the rules, the thresholds or the example",
    )


def _place(policy: Policy, result: ExampleResult) -> Place:
    order = [principle.id for principle in policy.principles]
    kind = "allowed" if result.kind == "allowed" else "violates"
    return ("principles", order.index(result.principle), "examples", kind, result.index)
