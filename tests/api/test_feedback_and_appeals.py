"""What people say about answers and blocks is checked, kept and erased."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from api.moderation import admitted, masked
from chains.errors import ServiceUnavailableError
from guardrails.dialogue import Message
from guardrails.verdict import (
    Decision,
    Edit,
    Layer,
    Outcome,
    Stage,
    Strictness,
    Verdict,
)
from tests.fakes.api_service import ApiService, Client
from tests.fakes.scripted_chat import ScriptedBackend, blocked


@dataclass
class OneDecision:
    """Rails that give one decision, whatever they are shown."""

    decision: Decision

    async def check_input(
        self, conversation: tuple[Message, ...], *, strictness: Strictness | None = None
    ) -> Decision:
        return self.decision


def rails(outcome: Outcome, **more: Any) -> OneDecision:
    """Rails that decide so."""
    return OneDecision(
        Decision(
            id="d_1",
            stage=Stage.INPUT,
            outcome=outcome,
            policy_version="0123456789ab",
            strictness=Strictness.BALANCED,
            **more,
        )
    )


async def test_feedback_is_kept_and_the_last_word_counts(person: Client, redis: Redis) -> None:
    """A second rating of the same answer replaces the first."""
    answer = await person.ask("Hi")
    body = {"message_id": answer["message_id"], "rating": "down", "reason": "incorrect"}

    first = await person.post("/feedback", body)
    second = await person.post("/feedback", {**body, "rating": "up", "comment": "After all."})

    assert first.status_code == second.status_code == 201
    [key] = await redis.keys("{feedback}:item:*")
    kept = json.loads(await redis.get(key) or b"")
    assert (kept["rating"], kept["comment"]) == ("up", "After all.")
    assert await redis.ttl(key) > 0


async def test_feedback_is_about_an_answer_of_ones_own(service: ApiService, person: Client) -> None:
    """Another session's answer cannot be rated."""
    answer = await person.ask("Hi")
    other = await service.client()

    response = await other.post("/feedback", {"message_id": answer["message_id"], "rating": "up"})

    assert response.status_code == 404


async def test_a_comment_a_principle_forbids_is_not_kept(
    person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """A comment passes the rails; a violation is 422 and nothing is kept."""
    answer = await person.ask("Hi")
    backend.rails.block = "canary"

    response = await person.post(
        "/feedback", {"message_id": answer["message_id"], "rating": "up", "comment": "canary"}
    )

    assert response.status_code == 422
    assert response.json()["code"] == "constitutional_violation"
    assert "canary" not in response.text
    assert await redis.keys("{feedback}:*") == []


async def test_a_block_can_be_appealed_once(
    person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """An appeal is kept with what the person sent; asking twice shows the same appeal."""
    backend.chat.script = blocked()
    answer = await person.ask("Bad?")
    decision = answer["violation"]["decision_id"]

    first = await person.post("/appeals", {"decision_id": decision, "reason": "It was a joke."})
    second = await person.post("/appeals", {"decision_id": decision})
    read = await person.get(f"/appeals/{first.json()['id']}")

    assert first.status_code == second.status_code == 201
    assert first.json()["status"] == "open"
    assert first.json()["principle_id"] == "no-weapons"
    assert second.json() == first.json() == read.json()
    kept = json.loads(await redis.get(f"{{appeals}}:item:{first.json()['id']}") or b"")
    assert kept["reason"] == "It was a joke."
    assert kept["text"] is None


async def test_only_ones_own_blocks_and_appeals_exist(
    service: ApiService, person: Client, backend: ScriptedBackend
) -> None:
    """Another session's decisions and appeals are not found."""
    backend.chat.script = blocked()
    answer = await person.ask("Bad?")
    decision = answer["violation"]["decision_id"]
    appeal = (await person.post("/appeals", {"decision_id": decision})).json()
    other = await service.client()

    assert (await other.post("/appeals", {"decision_id": decision})).status_code == 404
    assert (await other.get(f"/appeals/{appeal['id']}")).status_code == 404
    assert (await person.get("/appeals/a_nothing")).status_code == 404
    assert (await person.get("/appeals/all")).status_code == 404
    assert (await person.get(f"/appeals/of:{person.session_id}")).status_code == 404


async def test_a_fault_is_not_appealed(person: Client, backend: ScriptedBackend) -> None:
    """A block that was a fault of a rail is no verdict, and cannot be appealed."""
    script = blocked()
    guard = script[2]
    script[2] = guard.model_copy(update={"appealable": False, "failed": True})  # type: ignore[union-attr]  # the block stands there
    backend.chat.script = script
    answer = await person.ask("Bad?")

    response = await person.post("/appeals", {"decision_id": answer["violation"]["decision_id"]})

    assert response.status_code == 409


async def test_text_that_passes_is_kept_as_it_is_or_as_it_was_changed() -> None:
    """The rails may mask a text that is kept."""
    changed = rails(Outcome.MODIFY, text="mail [e-mail]")

    assert await admitted("fine", rails(Outcome.PASS)) == "fine"
    assert await admitted("mail a@b.example", changed) == "mail [e-mail]"
    assert await masked("mail a@b.example", changed) == "mail [e-mail]"


async def test_nothing_is_kept_that_could_not_be_checked() -> None:
    """A rail that fails refuses the text, without calling it a violation."""
    failed = rails(Outcome.BLOCK, failed=True)

    with pytest.raises(ServiceUnavailableError):
        await admitted("text", failed)
    with pytest.raises(ServiceUnavailableError):
        await masked("text", failed)


async def test_a_stopped_text_is_masked_before_a_person_reviews_it() -> None:
    """Personal data is masked even where the text as a whole is stopped; overlaps lose nothing."""
    edits = (
        Edit(start=5, end=16, replacement="[e-mail]", kind="email", principle="privacy"),
        Edit(start=12, end=21, replacement="", kind="other", principle="privacy"),
        Edit(start=26, end=30, replacement="", kind="id", principle="privacy"),
    )
    verdict = Verdict(layer=Layer.RULES, rail="pii", outcome=Outcome.MODIFY, edits=edits)
    stopping = rails(Outcome.BLOCK, principle="no-weapons", verdicts=(verdict,))

    assert await masked("mail ada@mail.example and 1234.", stopping) == "mail [e-mail] and […]."
