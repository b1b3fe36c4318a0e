"""One turn over HTTP: as a stream, as a document, repeated, branched."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from api.auth import Role
from chains.errors import BadRequestError, ModelInterruptedError
from chains.events import GuardModified, QuestionMasked
from tests.fakes.api_service import ApiService, Client, everything_in, text_of
from tests.fakes.scripted_chat import (
    EVERY_KIND,
    ScriptedBackend,
    Step,
    answered,
    blocked,
    deltas,
    started,
)


async def test_a_stream_tells_the_answer_and_ends_with_its_last_event(person: Client) -> None:
    """A streamed turn has the answer's text, a retry hint, and `run.finished` as last event."""
    async with person.stream("Is it so?") as reading:
        frames = await reading.all()

    assert reading.response.headers["content-type"].startswith("text/event-stream")
    assert reading.response.headers["x-accel-buffering"] == "no"
    assert reading.retry == "2000"
    assert text_of(frames) == "Yes, it is so."
    assert [frame.id for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[0].event == "run.started"
    assert frames[-1].event == "run.finished"
    assert frames[-1].data == {"type": "run.finished", "status": "completed"}


async def test_a_document_holds_the_whole_answer(person: Client) -> None:
    """Without an event stream in Accept, one JSON document holds text, citations and metadata."""
    answer = await person.ask("Is it so?")

    assert answer["text"] == "Yes, it is so."
    assert answer["finish_reason"] == "stop"
    assert answer["violation"] is None
    assert answer["citations"][0]["source_id"] == "p1"
    assert answer["follow_ups"] == ["And then?"]
    assert answer["metadata"]["model"] == "scripted-qwen"
    assert answer["metadata"]["usage"]["completion_tokens"] == 7
    assert answer["metadata"]["degraded"] is None


async def test_a_block_is_an_answer_and_not_a_fault(
    person: Client, backend: ScriptedBackend
) -> None:
    """A blocked message answers 200 with its principle and a server-written text."""
    backend.chat.script = blocked()

    answer = await person.ask("How do I build a weapon?")

    assert answer["finish_reason"] == "blocked"
    assert answer["text"] == "I cannot help with that."
    assert answer["violation"]["code"] == "constitutional_violation"
    assert answer["violation"]["principle"]["id"] == "no-weapons"
    assert answer["violation"]["appealable"] is True


async def test_what_passed_before_a_block_stays_in_the_document(
    person: Client, backend: ScriptedBackend
) -> None:
    """Text a stream's reader keeps after a block is in the document too."""
    backend.chat.script = blocked("Fine so far. ", stage="output")

    answer = await person.ask("Tell me")

    assert answer["text"] == "Fine so far. \n\nI cannot help with that."


async def test_a_failure_before_the_first_event_has_its_own_status(
    person: Client, backend: ScriptedBackend
) -> None:
    """A run that fails before `run.started` answers as a problem, streamed or not."""
    backend.chat.script = [BadRequestError("The message is not text.")]

    async with person.stream("?!") as reading:
        await reading.response.aread()
    document = await person.post("/chat", {"message": "?!"})

    assert reading.response.status_code == document.status_code == 400
    assert document.json()["detail"] == "The message is not text."
    assert (await person.get("/chat/history")).status_code == 404


async def test_a_document_reports_a_failed_run_as_a_problem(
    person: Client, backend: ScriptedBackend
) -> None:
    """A run that breaks off answers 503 with Retry-After where there is no stream."""
    failure = ModelInterruptedError("The model fell silent.", retry_after=timedelta(seconds=3))
    backend.chat.script = [started, *deltas("Half an ans"), failure]

    response = await person.post("/chat", {"message": "Tell me"})

    assert response.status_code == 503
    assert response.headers["retry-after"] == "3"
    assert response.json()["code"] == "service_unavailable"
    history = (await person.get("/chat/history")).json()
    assert history["items"][0]["text"] == "Half an ans"
    assert history["items"][0]["finish_reason"] == "error"


async def test_earlier_exchanges_are_in_the_next_turn(
    person: Client, backend: ScriptedBackend
) -> None:
    """A turn knows what was said before on its branch, and the session's context and wishes."""
    first = await person.ask("First?")
    second = await person.ask("Second?")

    turn = backend.chat.turns[-1]
    assert [exchange.question for exchange in turn.history] == ["First?"]
    assert first["parent_id"] is None
    assert second["parent_id"] == first["message_id"]


async def test_preferences_and_context_reach_the_turn(
    service: ApiService, backend: ScriptedBackend
) -> None:
    """What was said at the start of a session holds for its turns, and can be overridden."""
    person = await service.client(
        preferences={"language": "zh", "thinking": True}, context="on the billing page"
    )

    await person.ask("一", context="with a bill open")
    await person.ask("二", thinking=False)

    first, second = backend.chat.turns
    assert first.language == "zh"
    assert first.thinking is True
    assert first.context == "on the billing page\nwith a bill open"
    assert second.thinking is False


async def test_stopped_text_is_no_history_for_the_model(
    person: Client, backend: ScriptedBackend
) -> None:
    """An exchange a principle stopped is not handed to later turns."""
    backend.chat.scripts = {"Bad?": blocked()}
    await person.ask("Bad?")

    await person.ask("Good?")

    assert backend.chat.turns[-1].history == ()


async def test_an_edited_message_begins_a_branch(person: Client, backend: ScriptedBackend) -> None:
    """`parent_id` names what a message follows; null begins anew at the root."""
    first = await person.ask("First?")
    await person.ask("Second?")

    edited = await person.ask("Second, edited?", parent_id=first["message_id"])
    assert [e.question for e in backend.chat.turns[-1].history] == ["First?"]
    assert edited["parent_id"] == first["message_id"]

    root = await person.ask("First, edited?", parent_id=None)
    assert backend.chat.turns[-1].history == ()
    assert root["parent_id"] is None


async def test_a_regenerated_answer_stands_beside_the_first(
    person: Client, backend: ScriptedBackend
) -> None:
    """`regenerate` asks an earlier question again, as a branch beside it."""
    first = await person.ask("First?")
    second = await person.ask("Second?")

    response = await person.post("/chat", {"regenerate": second["message_id"]})

    assert response.json()["parent_id"] == first["message_id"]
    assert backend.chat.turns[-1].question == "Second?"
    assert [e.question for e in backend.chat.turns[-1].history] == ["First?"]


async def test_an_unknown_parent_leaves_no_run_behind(person: Client) -> None:
    """A turn that cannot be placed is 404 and is not shown as going on."""
    await person.ask("First?")

    response = await person.post("/chat", {"message": "And?", "parent_id": "m_nobody"})
    regenerated = await person.post("/chat", {"regenerate": "m_nobody"})

    assert response.status_code == regenerated.status_code == 404
    assert (await person.get("/chat/history")).json()["active"] == []


async def test_a_stopped_question_cannot_be_asked_again_for_the_person(
    person: Client, backend: ScriptedBackend
) -> None:
    """A question a principle stopped was not kept, so regenerating it is a conflict."""
    backend.chat.script = blocked()
    answer = await person.ask("Bad?")

    response = await person.post("/chat", {"regenerate": answer["message_id"]})

    assert response.status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "message"),
        ({"message": "  "}, 400, "message"),
        ({"message": "Hi", "regenerate": "m_1"}, 400, "message"),
        ({"regenerate": "m_1", "parent_id": "m_0"}, 400, "parent_id"),
        ({"message": "x" * 8001}, 413, "message"),
        ({"message": "Hi", "context": "x" * 4001}, 413, "context"),
        ({"message": 7}, 400, "message"),
        ({"message": "Hi", "parent_id": "not an id"}, 400, "parent_id"),
        ({"message": "Hi", "canary-a8f3": "canary-a8f3"}, 400, "body"),
    ],
)
async def test_a_wrong_request_names_its_field(
    person: Client, body: dict[str, object], status: int, field: str
) -> None:
    """Bad input is a problem that names the field and repeats nothing of it."""
    response = await person.post("/chat", body)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "bad_request"
    assert problem["errors"][0]["field"] == field
    assert "canary" not in response.text


async def test_another_session_in_the_body_is_not_found(
    service: ApiService, person: Client
) -> None:
    """The body may name only the token's own session."""
    other = await service.client()

    mine = await person.post("/chat", {"message": "Hi", "session_id": person.session_id})
    theirs = await person.post("/chat", {"message": "Hi", "session_id": other.session_id})

    assert mine.status_code == 200
    assert theirs.status_code == 404


async def test_a_repeat_under_the_same_key_is_the_first_run(
    person: Client, backend: ScriptedBackend
) -> None:
    """An idempotency key makes a repeat return the first answer, streamed or not."""
    key = {"Idempotency-Key": "key-1"}
    first = await person.post("/chat", {"message": "Once?"}, headers=key)

    again = await person.post("/chat", {"message": "Once?"}, headers=key)
    async with person.stream("Once?", headers=key) as reading:
        frames = await reading.all()

    assert again.json() == first.json()
    assert text_of(frames) == first.json()["text"]
    assert len(backend.chat.turns) == 1


async def test_a_repeat_while_the_first_runs_joins_it(
    person: Client, backend: ScriptedBackend
) -> None:
    """Two requests at once under one key share one run."""
    backend.chat.script = [started, 0.1, *answered("Yes.")[1:]]
    key = {"Idempotency-Key": "key-1"}

    one, two = await asyncio.gather(
        person.post("/chat", {"message": "Once?"}, headers=key),
        person.post("/chat", {"message": "Once?"}, headers=key),
    )

    assert one.json() == two.json()
    assert len(backend.chat.turns) == 1


async def test_a_key_belongs_to_one_request(person: Client) -> None:
    """The same key with another message is a conflict."""
    key = {"Idempotency-Key": "key-1"}
    await person.post("/chat", {"message": "Once?"}, headers=key)

    response = await person.post("/chat", {"message": "Twice?"}, headers=key)

    assert response.status_code == 409


@pytest.mark.parametrize(
    ("accept", "streamed"),
    [
        ("text/event-stream", True),
        ("application/json, text/event-stream", True),
        ("text/event-stream;q=0.5, application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("text/event-stream; q=0", False),
        ("text/event-stream;q=x", True),
    ],
)
async def test_the_accept_header_chooses_stream_or_document(
    person: Client,
    accept: str,
    streamed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A client that prefers an event stream gets one; everybody else gets a document."""
    response = await person.post("/chat", {"message": "Hi"}, headers={"Accept": accept})

    assert response.headers["content-type"].startswith("text/event-stream") is streamed


async def test_unversioned_paths_are_the_current_version(service: ApiService) -> None:
    """`/api/chat/start`, `/api/chat` and `/api/chat/history` answer like their v1 paths."""
    started = (await service.http.post("/api/chat/start")).json()
    auth = {"Authorization": f"Bearer {started['token']}"}

    answer = await service.http.post("/api/chat", json={"message": "Hi"}, headers=auth)
    history = await service.http.get("/api/chat/history", headers=auth)

    assert answer.json()["text"] == "Yes, it is so."
    assert history.json()["items"][0]["question"] == "Hi"


async def test_a_trace_is_for_engineers(
    service: ApiService, person: Client, backend: ScriptedBackend
) -> None:
    """`?trace=1` is refused to people; a session an engineer started may ask for it."""
    refused = await person.post("/chat", {"message": "Hi"}, params={"trace": "1"})
    staff = service.services.tokens.issue_staff("eva", Role.ENGINEER, ttl=timedelta(hours=1))
    begun = await service.http.post(
        "/api/v1/chat/start", headers={"Authorization": f"Bearer {staff.text}"}
    )
    engineer = Client(service.http, begun.json()["session_id"], begun.json()["token"])

    answer = await engineer.post("/chat", {"message": "Hi"}, params={"trace": "1"})

    assert refused.status_code == 403
    assert answer.status_code == 200
    assert backend.chat.turns[-1].trace is True


async def test_every_kind_of_event_can_be_folded_into_a_document(
    person: Client, backend: ScriptedBackend
) -> None:
    """A document can be made of a run that used the whole vocabulary."""
    backend.chat.script = EVERY_KIND

    answer = await person.ask("All?")

    assert answer["finish_reason"] == "length"
    assert answer["metadata"]["degraded"] == "secondary_model"
    assert answer["sources"][0]["title"] == "Guide"


async def test_a_repeat_of_what_failed_fails_alike(
    person: Client, backend: ScriptedBackend
) -> None:
    """A repeat under a key tells the first failure, and does not try again."""
    backend.chat.script = [started, *deltas("Half"), ModelInterruptedError("It fell silent.")]
    key = {"Idempotency-Key": "key-1"}
    first = await person.post("/chat", {"message": "Once?"}, headers=key)

    again = await person.post("/chat", {"message": "Once?"}, headers=key)

    assert first.status_code == again.status_code == 503
    assert again.json()["detail"] == "It fell silent."
    assert len(backend.chat.turns) == 1


async def test_a_repeat_after_the_events_expired_leads_to_the_history(
    person: Client, redis: Redis
) -> None:
    """A key whose run can no longer be replayed is a conflict that says where the answer is."""
    key = {"Idempotency-Key": "key-1"}
    first = (await person.post("/chat", {"message": "Once?"}, headers=key)).json()
    await redis.delete(f"{{{person.session_id}}}:log:{first['run_id']}")

    again = await person.post("/chat", {"message": "Once?"}, headers=key)

    assert again.status_code == 409
    assert "history" in again.json()["detail"]


async def test_a_repeat_of_a_request_that_never_began_is_a_conflict(person: Client) -> None:
    """A key used by a request that could not be placed has no answer to repeat."""
    key = {"Idempotency-Key": "key-1"}
    body = {"message": "And?", "parent_id": "m_nobody"}
    assert (await person.post("/chat", body, headers=key)).status_code == 404

    assert (await person.post("/chat", body, headers=key)).status_code == 409


async def test_an_old_exchange_can_still_be_followed(
    person: Client, backend: ScriptedBackend
) -> None:
    """A branch may begin at an exchange that is older than those read for an ordinary turn."""
    first = await person.ask("Question 0?")
    for number in range(1, 33):
        await person.ask(f"Question {number}?")

    await person.ask("And then?", parent_id=first["message_id"])

    assert [e.question for e in backend.chat.turns[-1].history] == ["Question 0?"]


MASKED: list[Step] = [
    started,
    GuardModified(stage="input", start=8, end=16, kind="email", principle_id="privacy"),
    QuestionMasked("Mail to [masked]?"),
    *answered("Sent.")[2:],
]
"""A run whose question had personal data in it."""


async def test_only_the_masked_question_is_kept_and_asked_on(
    person: Client, backend: ScriptedBackend, redis: Redis
) -> None:
    """What the rails hid from the model is in no stored exchange and in no later turn."""
    backend.chat.script = MASKED
    async with person.stream("Mail to canary-93@example.org?") as reading:
        frames = await reading.all()
    backend.chat.script = answered("Yes.")
    await person.ask("And now?")

    assert "Mail to" not in str([frame.data for frame in frames]), "told to the caller alone"
    assert [exchange.question for exchange in backend.chat.turns[-1].history] == [
        "Mail to [masked]?"
    ]
    history = (await person.get("/chat/history")).json()
    assert history["items"][0]["question"] == "Mail to [masked]?"
    assert "canary-93" not in await everything_in(redis)


async def test_a_question_whose_masked_form_is_unknown_is_not_kept(
    person: Client, backend: ScriptedBackend
) -> None:
    """Where the run ends between the edit and the masked question, no question is kept at all."""
    backend.chat.script = [*MASKED[:2], *deltas("Half"), RuntimeError("defect")]
    async with person.stream("Mail to canary-93@example.org?") as reading:
        await reading.all()

    assert (await person.get("/chat/history")).json()["items"][0]["question"] == ""
