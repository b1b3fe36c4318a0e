"""Server-sent events on the wire: three lines a frame, so that any client can read them."""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import TypeAdapter

from chains.events import ChatEvent, MessageDelta

RETRY: Final = b"retry: 2000\n\n"
"""First in every stream: reconnect after two seconds."""
PING: Final = b": ping\n\n"
_FRAME = re.compile(rb"event: ([a-z._]+)\nid: (\d+)\ndata: (.*)\n\n", re.DOTALL)
_BREAK = re.compile("[\x85\u2028\u2029]")
_EVENTS: TypeAdapter[ChatEvent] = TypeAdapter(ChatEvent)


def encode(seq: int, event: ChatEvent) -> bytes:
    """Encode an event under its sequence number."""
    # JSON escapes the breaks that end a line of a stream. Three more it leaves as they are, and
    # clients that split lines as Python's `splitlines` does would break the data there.
    data = _BREAK.sub(_escaped, event.model_dump_json())
    return f"event: {event.type}\nid: {seq}\ndata: {data}\n\n".encode()


def decode(frame: bytes) -> ChatEvent:
    """Read a frame that `encode` wrote.

    Raises:
        ValueError: It is something else.
    """
    match = _FRAME.fullmatch(frame)
    if match is None:
        raise ValueError("not a frame of ours")
    return _EVENTS.validate_json(match[3])


def decode_all(batch: bytes) -> Iterator[ChatEvent]:
    """Read every event of a piece of a stream."""
    for frame in batch.split(b"\n\n"):
        if frame:
            yield decode(frame + b"\n\n")


def is_last(frame: bytes) -> bool:
    """Whether the stream ends with this frame."""
    return frame.startswith(b"event: run.finished\n")


def blanked(delta: MessageDelta, length: int) -> MessageDelta:
    """A delta without the text from the answer's character `length` on."""
    return delta.model_copy(update={"text": delta.text[: max(0, length - delta.offset)]})


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
