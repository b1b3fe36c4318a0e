"""Reading a Server-Sent Events body as a plain client does."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from tests.fakes.service import Service


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it stood on the wire."""

    event: str
    id: str
    data: dict[str, Any]


def frames(lines: Iterable[bytes]) -> Iterator[Frame]:
    """Parse lines into frames; comments and `retry` are skipped."""
    fields: dict[str, str] = {}
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield Frame(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


def chat(service: Service, token: str, message: str, **body: object) -> Iterator[Frame]:
    """POST a message and yield its frames as they come."""
    request = Request(  # noqa: S310 - loopback
        f"{service.url}/api/v1/chat",
        json.dumps({"message": message, **body}).encode(),
        {
            "content-type": "application/json",
            "accept": "text/event-stream",
            "authorization": f"Bearer {token}",
        },
    )
    with urlopen(request, timeout=15) as answer:  # noqa: S310 - loopback
        yield from frames(answer)
