"""The stream as a phone on a train and a person at a terminal get it."""

import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.fakes.event_stream import Frame, frames
from tests.fakes.service import Service
from tests.integration.conftest import COUNTED

pytestmark = [pytest.mark.service, pytest.mark.timeout(60)]
RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset, as a network that is gone does."""


def cut_after(service: Service, token: str, count: int | None, run: str, last: str) -> list[Frame]:
    """Read some frames over a new connection, then tear it down without a goodbye."""
    address = urlsplit(service.url).netloc
    connection = http.client.HTTPConnection(address, timeout=15)
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    if run:
        headers["last-event-id"] = last
        connection.request("GET", f"/api/v1/runs/{run}/events", headers=headers)
    else:
        headers["content-type"] = "application/json"
        body = json.dumps({"message": "Please count steadily."})
        connection.request("POST", "/api/v1/chat", body, headers)
    read: list[Frame] = []
    wire = connection.sock
    assert wire is not None
    with connection.getresponse() as response:
        assert response.status == 200
        for frame in frames(lines(response)):
            read.append(frame)
            if len(read) == count:
                break
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()
    return read


def lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The lines of a body as they come."""
    while line := response.readline():
        yield line


def test_five_cuts_lose_and_repeat_no_character(service: Service) -> None:
    """Each time another connection, perhaps to the other of two processes, goes on where it was."""
    token = service.token()
    read = cut_after(service, token, 4, "", "")
    run = read[0].data["run_id"]
    for _ in range(4):
        read += cut_after(service, token, 2, run, read[-1].id)
        assert read[-1].event != "run.finished", "there was something left to cut"
    read += cut_after(service, token, None, run, read[-1].id)

    assert [frame.id for frame in read] == [str(n) for n in range(1, len(read) + 1)]
    said = [frame.data for frame in read if frame.event == "message.delta"]
    assert "".join(delta["text"] for delta in said) == COUNTED
    assert [frame.event for frame in read].count("run.finished") == 1
    history = service.json("/api/v1/chat/history", token=token)
    assert history["items"][0]["text"] == COUNTED


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")
def test_curl_shows_a_readable_stream(service: Service) -> None:
    """`curl -N` prints one event after the other, as they come, in lines a person can read."""
    body = json.dumps({"message": "How do citations work?"})
    token = service.token()
    printed = subprocess.run(  # noqa: S603 - curl, and words of our own
        [
            *("curl", "-sN", "--max-time", "15", f"{service.url}/api/v1/chat", "-d", body),
            *("-H", f"Authorization: Bearer {token}", "-H", "Accept: text/event-stream"),
            *("-H", "Content-Type: application/json"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    first, *events = printed.removesuffix("\n\n").split("\n\n")
    assert first == "retry: 2000"
    for event in events:
        assert re.fullmatch(r"event: [a-z._]+\nid: \d+\ndata: \{.*\}|: ping", event), event
    assert events[0].startswith("event: run.started\nid: 1\n")
    assert "Answers cite their passages [1]." in printed
    assert events[-1].startswith("event: run.finished\n")
