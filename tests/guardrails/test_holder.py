"""Exchanging policies under way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from guardrails.dialogue import Message, Role
from guardrails.holder import Equipment, RailsHolder, Refusal
from guardrails.judge import JudgeEndpoint
from guardrails.source import PolicyError
from guardrails.verdict import Strictness
from tests.fakes.fixed_classifier import FixedClassifier
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import edit

PLAN = (Message(Role.USER, "a theft plan"),)
QUICK = timedelta(milliseconds=50)


class Told:
    """What a holder told of."""

    def __init__(self) -> None:
        self.refused: list[Refusal] = []
        self.activated: list[str] = []


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def holder(
    folder: Path, classifier: FixedClassifier, told: Told
) -> AsyncIterator[RailsHolder]:
    """Rails of the small policy, to be exchanged."""
    one = await RailsHolder.open(
        folder,
        Equipment(classifier),
        on_refused=told.refused.append,
        on_activated=told.activated.append,
    )
    yield one
    await one.aclose()


_PATIENCE = 25.0
"""Seconds a reload may take on a loaded machine under coverage."""


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.01)


def differs(holder: RailsHolder, version: str) -> bool:
    return holder.current.policy.version != version


def error_of(holder: RailsHolder) -> Refusal | None:
    return holder.last_error


def harmless_edit(folder: Path) -> None:
    with (folder / "strictness.yml").open("a") as file:
        file.write("# edited\n")


def broken_edit(folder: Path) -> None:
    edit(folder / "strictness.yml", "  message: 8000", "  mesage: 8000")


async def test_an_edit_comes_into_force(folder: Path, holder: RailsHolder, told: Told) -> None:
    """A turn that pinned the old rails keeps them; the next one gets the new."""
    pinned = holder.current
    harmless_edit(folder)
    assert await holder.reload()
    assert holder.current is not pinned
    assert told.activated == [holder.current.policy.version]
    assert (await pinned.check_input(PLAN)).blocked


async def test_an_unchanged_folder_changes_nothing(holder: RailsHolder, told: Told) -> None:
    """Reloading costs a hash."""
    before = holder.current
    assert await holder.reload()
    assert holder.current is before
    assert told.activated == []


async def test_a_broken_edit_keeps_the_old_policy_and_says_why(
    folder: Path, holder: RailsHolder, told: Told
) -> None:
    """With file, line and reason, once; and the next good edit clears it."""
    before = holder.current
    broken_edit(folder)
    assert not await holder.reload()
    assert not await holder.reload()
    assert holder.current is before
    assert "strictness.yml:" in str(told.refused[0])
    assert "unknown key 'limits.mesage'" in str(told.refused[0])
    assert error_of(holder) == told.refused[0]
    assert [r.active for r in told.refused] == [before.policy.version]
    edit(folder / "strictness.yml", "  mesage: 8000", "  message: 8001")
    assert await holder.reload()
    assert error_of(holder) is None
    assert holder.current is not before


async def test_an_edit_that_breaks_an_example_is_refused(
    folder: Path, holder: RailsHolder, told: Told
) -> None:
    """The example is named with its line; rules that no longer block would be silent otherwise."""
    edit(folder / "constitution.yml", "- '[harm] no-crime'", "- a perfectly fine text")
    assert not await holder.reload()
    (problem,) = told.refused[0].problems
    assert problem.file == "constitution.yml"
    assert "example 1 of 'no-crime' (violates) must be found: pass" in problem.what
    lines = (folder / "constitution.yml").read_text().splitlines()
    assert "a perfectly fine text" in lines[problem.line - 1]


async def test_an_allowed_example_must_not_be_blocked(
    folder: Path, holder: RailsHolder, told: Told
) -> None:
    """Over-refusal is a broken edit too."""
    path = folder / "constitution.yml"
    path.write_text(path.read_text().replace("- Hello.", "- a theft plan", 1))
    assert not await holder.reload()
    assert "must not be blocked: block by rules" in told.refused[0].problems[0].what


async def test_examples_that_failed_from_the_start_stop_no_edit(
    folder: Path, classifier: FixedClassifier
) -> None:
    """A service starts with the policy it has; no edit may make more examples fail."""
    edit(folder / "constitution.yml", "- '[harm] no-crime'", "- a perfectly fine text")
    holder = await RailsHolder.open(folder, Equipment(classifier))
    assert [r.principle for r in holder.failing_examples] == ["no-crime"]
    harmless_edit(folder)
    assert await holder.reload()
    await holder.aclose()


async def test_there_is_no_service_without_a_policy(folder: Path) -> None:
    """Opening a broken folder raises with every problem."""
    broken_edit(folder)
    with pytest.raises(PolicyError, match="mesage"):
        await RailsHolder.open(folder, Equipment())


async def test_edits_are_noticed(folder: Path, holder: RailsHolder, told: Told) -> None:
    """Good ones come into force, broken ones are told, within two seconds."""
    before = holder.current
    async with holder.watching():
        await asyncio.sleep(0.1)
        harmless_edit(folder)
        await until(lambda: holder.current is not before, 2.0)
        broken_edit(folder)
        await until(lambda: holder.last_error, 2.0)
    assert len(told.refused) == 1


async def test_edits_are_noticed_where_nothing_is_reported(
    folder: Path, holder: RailsHolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polling goes on where the system has no watches left."""

    def no_watches(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("guardrails.watch.awatch", no_watches)
    before = holder.current
    async with holder.watching(poll=QUICK):
        harmless_edit(folder)
        await until(lambda: holder.current is not before)


@pytest.mark.timeout(90)
async def test_no_check_goes_without_rails_while_policies_change(
    folder: Path, holder: RailsHolder
) -> None:
    """Under load, over good and broken edits, every request is judged."""
    judged = 0
    stop = False

    async def requests() -> None:
        nonlocal judged
        while not stop:
            decision = await holder.current.check_input(PLAN)
            assert decision.principle == "no-crime"
            judged += 1
            await asyncio.sleep(0.001)  # a machine that does nothing else reloads slowly

    async with holder.watching(poll=QUICK):
        load = [asyncio.create_task(requests()) for _ in range(4)]
        for number in range(3):
            version = holder.current.policy.version
            harmless_edit(folder)
            await until(partial(differs, holder, version), _PATIENCE)
            good = (folder / "strictness.yml").read_text()
            broken_edit(folder)
            await until(lambda: holder.last_error, _PATIENCE)
            (folder / "strictness.yml").write_text(good + f"# {number}\n")
            await until(lambda: not holder.last_error, _PATIENCE)
        stop = True
        await asyncio.gather(*load)
    assert judged > 100


async def test_a_judge_found_later_is_taken_up(
    holder: RailsHolder, judge: ScriptedJudge, classifier: FixedClassifier
) -> None:
    """The same policy is compiled with it; its strictness stays."""
    holder.strictness = Strictness.STRICT
    version = holder.current.policy.version
    await holder.equip(Equipment(classifier, JudgeEndpoint(judge.base_url, "qwen-scripted")))
    assert holder.current.has_judge
    assert holder.current.policy.version == version
    assert holder.strictness is Strictness.STRICT
    assert not (await holder.current.check_input((Message(Role.USER, "hello"),))).blocked
    assert len(judge.requests) == 1


async def test_the_strictness_survives_an_exchange(folder: Path, holder: RailsHolder) -> None:
    """It is the operator's and not the policy's."""
    holder.strictness = Strictness.MONITOR
    harmless_edit(folder)
    assert await holder.reload()
    assert holder.strictness is Strictness.MONITOR
