"""The whole service from outside: page, API, rails, retrieval and a scripted Qwen."""

from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.fakes.event_stream import chat
from tests.fakes.service import Service

pytestmark = [pytest.mark.service, pytest.mark.timeout(60)]


def test_an_answer_streams_with_its_sources(service: Service) -> None:
    """A question about the product is answered in checked windows that cite their passages."""
    frames = list(chat(service, service.token(), "How do citations work?"))

    types = [frame.event for frame in frames]
    assert types[0] == "run.started"
    assert types[-1] == "run.finished"
    assert [frame.id for frame in frames] == [str(n) for n in range(1, len(frames) + 1)]
    text = "".join(frame.data["text"] for frame in frames if frame.event == "message.delta")
    assert text == "Answers cite their passages [1]. An invented mark is dropped."
    sources = next(frame for frame in frames if frame.event == "sources").data["items"]
    citation = next(frame for frame in frames if frame.event == "citation").data
    assert citation["source_id"] == sources[0]["id"]
    assert text[citation["start"] : citation["end"]].startswith("Answers cite their passages")


def test_an_answer_suggests_what_to_ask_next(demo: Service) -> None:
    """After the answer come questions from around the cited passage, never what was asked."""
    token = demo.token()
    question = "How do citations work?"
    answer = demo.json("/api/v1/chat", {"message": question}, token)
    first, *_ = answer["follow_ups"]
    types = [frame.event for frame in chat(demo, token, first)]

    assert len(answer["follow_ups"]) <= 3
    assert all(item.endswith("?") for item in answer["follow_ups"])
    assert types.index("message.completed") < types.index("follow_ups") < len(types) - 1
    one, other = demo.json("/api/v1/chat/history", token=token)["items"]
    assert one["follow_ups"] == answer["follow_ups"]
    assert not {question, first} & set(other["follow_ups"])


def test_strict_offers_only_what_a_judge_saw(service: Service) -> None:
    """Under `strict` the local layers alone let nothing pass, so nothing is suggested."""
    answer = service.json("/api/v1/chat", {"message": "How do citations work?"}, service.token())

    assert answer["finish_reason"] == "stop"
    assert answer["follow_ups"] == []


def test_a_source_opens(service: Service) -> None:
    """The passage behind a citation can be read in full, with its document's title."""
    token = service.token()
    frames = list(chat(service, token, "How do citations work?"))
    source = next(frame for frame in frames if frame.event == "sources").data["items"][0]

    passage = service.json(f"/api/v1/sources/{source['id']}", token=token)

    assert passage["title"] == source["title"]
    assert passage["text"].startswith(source["snippet"][:40])


def test_a_violation_is_blocked_with_its_principle(service: Service) -> None:
    """A message that the judge finds wrong is stopped, and the principle is named."""
    frames = list(chat(service, service.token(), "What about [[violate]] on Tuesdays?"))

    (blocked,) = [frame.data for frame in frames if frame.event == "guard.blocked"]
    assert blocked["stage"] == "input"
    assert blocked["principle"]["id"] == "no-crime"
    assert blocked["principle"]["title"]
    assert not blocked["failed"]
    assert frames[-1].data["status"] == "blocked"


def test_text_that_turns_bad_is_never_shown(service: Service) -> None:
    """Of an answer that begins well, only the checked windows before the violation go out."""
    frames = list(chat(service, service.token(), "Begin well, then turn bad."))

    text = "".join(frame.data["text"] for frame in frames if frame.event == "message.delta")
    (blocked,) = [frame.data for frame in frames if frame.event == "guard.blocked"]
    assert blocked["stage"] == "output"
    assert "violate" not in text
    assert "Never shown" not in text


def test_a_program_gets_one_document(service: Service) -> None:
    """Without asking for a stream the answer is one JSON document with its metadata."""
    answer = service.json(
        "/api/v1/chat", {"message": "How do citations work?"}, token=service.token()
    )

    assert answer["text"].startswith("Answers cite their passages [1].")
    assert answer["finish_reason"] == "stop"
    assert answer["citations"]
    assert answer["metadata"]["degraded"] is None
    assert answer["metadata"]["demo"] is False
    assert answer["metadata"]["usage"]["completion_tokens"] > 0


def test_the_session_remembers(service: Service) -> None:
    """History lists the exchanges of this session, whichever worker answered them."""
    token = service.token()
    for question in ("Do you know my name?", "How do citations work?"):
        service.json("/api/v1/chat", {"message": question}, token=token)

    history = service.json("/api/v1/chat/history", token=token)

    assert [item["question"] for item in history["items"]] == [
        "Do you know my name?",
        "How do citations work?",
    ]


def test_strangers_see_nothing(service: Service) -> None:
    """Without a token history is refused with a problem document."""
    with pytest.raises(HTTPError) as refused:
        service.json("/api/v1/chat/history")

    assert refused.value.code == 401
    assert refused.value.headers["content-type"] == "application/problem+json"


def test_the_page_is_served(service: Service) -> None:
    """The root is the page, under a policy that lets no foreign script run."""
    with urlopen(service.url, timeout=10) as page:  # noqa: S310 - loopback
        html = page.read().decode()
        policy = page.headers["content-security-policy"]

    assert '<div id="root">' in html
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy


def test_without_a_model_the_documents_answer(demo: Service) -> None:
    """With no model at all the answer quotes the knowledge base, and says so everywhere."""
    frames = list(chat(demo, demo.token(), "How are messages checked before an answer?"))
    answer = demo.json(
        "/api/v1/chat",
        {"message": "How are messages checked before an answer?"},
        token=demo.token(),
    )

    started = frames[0].data
    assert started["demo"] is True
    assert any(f.event == "status" and f.data["phase"] == "degraded" for f in frames)
    assert any(frame.event == "citation" for frame in frames)
    assert answer["metadata"]["demo"] is True
    assert answer["metadata"]["degraded"] == "extractive"
    assert "judge_missing" in answer["metadata"]["notes"]
    assert "[1]" in answer["text"]


def test_readiness_names_what_is_missing(demo: Service) -> None:
    """The service is ready without a model, and says that model and judge are missing."""
    ready = demo.json("/health/ready")

    states = {dependency["name"]: dependency for dependency in ready["dependencies"]}
    assert ready["status"] == "degraded"
    assert states["model"]["status"] == "degraded"
    assert states["judge"]["status"] == "degraded"
    assert states["conversations"]["status"] == "up"
    assert states["knowledge"]["status"] == "up"


def test_nobodys_words_are_logged(service: Service) -> None:
    """The service's own output holds ids and timings, and nothing a person or model wrote."""
    canary = "zanzibar-canary-7391"
    list(chat(service, service.token(), f"Remember {canary}, and how do citations work?"))

    log = service.log.read_text()

    assert "run" in log
    assert canary not in log
    assert "Answers cite" not in log
