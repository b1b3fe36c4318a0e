"""The stream on the wire, byte by byte, as curl and any SSE client sees it."""

import json
import re

import httpx
import pytest

from tests.fakes.api_service import ApiService, Client
from tests.fakes.scripted_chat import EVERY_KIND, ScriptedBackend, answered, deltas, started

HEADERS = {"Accept": "text/event-stream"}


async def raw(person: Client, message: str) -> httpx.Response:
    """The whole body of a stream."""
    return await person.post("/chat", {"message": message}, headers=HEADERS)


async def test_every_frame_has_three_lines(person: Client, backend: ScriptedBackend) -> None:
    """`event`, `id` and `data` stand in this order, one line each, ended by an empty line."""
    backend.chat.script = EVERY_KIND
    body = (await raw(person, "All?")).text

    first, *frames = body.removesuffix("\n\n").split("\n\n")
    assert first == "retry: 2000"
    for seq, frame in enumerate(frames, start=1):
        match = re.fullmatch(r"event: ([a-z._]+)\nid: (\d+)\ndata: (\{.*\})", frame)
        assert match, frame
        assert int(match[2]) == seq
        assert json.loads(match[3])["type"] == match[1]
        assert match[3].startswith(f'{{"type":"{match[1]}"')
    assert "\r" not in body


async def test_text_survives_the_wire_exactly(person: Client, backend: ScriptedBackend) -> None:
    """Line breaks, frames inside the text, other scripts and emoji arrive as they were said."""
    text = 'a\n\nevent: run.finished\ndata: {}\n\n\u2028 中文 \u202e 👩‍🚀 "\\ \x00 end'
    backend.chat.script = [started, *deltas(*text), *answered()[-3:]]

    async with person.stream("Odd?") as reading:
        frames = await reading.all()

    said = [frame.data for frame in frames if frame.event == "message.delta"]
    assert "".join(delta["text"] for delta in said) == text
    assert [delta["offset"] for delta in said] == list(range(len(text)))
    assert frames[-1].event == "run.finished"


@pytest.mark.parametrize("header", ["cache-control", "x-accel-buffering", "content-encoding"])
async def test_nothing_on_the_way_may_hold_the_stream_back(person: Client, header: str) -> None:
    """Proxies are told not to buffer, keep or compress the stream."""
    headers = (await raw(person, "Hi")).headers

    assert (
        headers.get(header)
        == {
            "cache-control": "no-store, no-transform",
            "x-accel-buffering": "no",
            "content-encoding": None,
        }[header]
    )


async def test_a_stream_carries_the_request_id(service: ApiService, person: Client) -> None:
    """A stream's headers name the request, and so do its errors."""
    service.backend.chat.script = [started, RuntimeError("canary")]

    response = await person.post(
        "/chat", {"message": "Hi"}, headers={**HEADERS, "X-Request-Id": "client-0001"}
    )

    assert response.headers["x-request-id"] == "client-0001"
    assert '"request_id":"client-0001"' in response.text
    assert "canary" not in response.text
