"""An incremental parser of server-sent events, for the data alone.

Follows the event stream format of the WHATWG HTML standard (section 9.2.6): LF, CRLF and CR line
ends, comments, several data lines an event, a byte order mark, and input cut at any byte. Event
names, ids and retry times mean nothing in an OpenAI stream and are dropped.
"""

from typing import Protocol

_BOM = b"\xef\xbb\xbf"


class EventTooLongError(ValueError):
    """An event exceeds the bound; the stream cannot be trusted any more."""


class Parser(Protocol):
    """Cuts the bytes of a body into documents."""

    def feed(self, received: bytes) -> list[bytes]:
        """Take bytes; return the documents they complete."""

    def end(self) -> list[bytes]:
        """Return the document that the end of the body completes, if there is one."""


class WholeBody:
    """The parser of a body that is one document: servers that do not stream answer so.

    Args:
        max_bytes: Most bytes the body may have.
    """

    def __init__(self, *, max_bytes: int = 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._body = bytearray()

    def feed(self, received: bytes) -> list[bytes]:
        """Take bytes; nothing is complete before the end.

        Raises:
            EventTooLongError: The body is longer than `max_bytes`.
        """
        self._body += received
        if len(self._body) > self._max_bytes:
            raise EventTooLongError(f"The body is longer than {self._max_bytes} bytes.")
        return []

    def end(self) -> list[bytes]:
        """Return the body."""
        return [bytes(self._body)] if self._body else []


class EventParser:
    """Cuts bytes as they arrive into the data of complete events.

    Args:
        max_bytes: Most bytes one event may have, line ends included.
    """

    def __init__(self, *, max_bytes: int = 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._rest = bytearray()
        """Bytes of a line that has not ended yet."""
        self._scanned = 0
        """How many bytes of `_rest` hold no line end for certain."""
        self._data: list[bytes] = []
        """Data lines of an event that has not ended yet."""
        self._data_bytes = 0
        self._after_cr = False
        self._first_line = True

    def feed(self, received: bytes) -> list[bytes]:
        """Take bytes; return the data of each event they complete.

        Raises:
            EventTooLongError: An event is longer than `max_bytes`.
        """
        received = self._normalised(received)
        if not self._rest and not self._data and received.endswith(b"\n\n"):
            whole = self._whole_events(received)
            if whole is not None:
                return whole
        return self._line_by_line(received)

    def end(self) -> list[bytes]:
        """Return the data of an event that the end of the stream completes, if there is one.

        The standard drops an event without its blank line; some servers end that way.
        """
        events = self._line_by_line(b"\n") if self._rest else []
        return [*events, *self._dispatch()]

    def _normalised(self, received: bytes) -> bytes:
        """Turn all line ends to LF; a CRLF may be split over two calls."""
        if self._after_cr and received.startswith(b"\n"):
            received = received[1:]
            self._after_cr = False
        if received:
            self._after_cr = received.endswith(b"\r")
        if b"\r" in received:
            received = received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return received

    def _whole_events(self, received: bytes) -> list[bytes] | None:
        """The usual case in one pass: whole events of one data line each; None for any other."""
        if len(received) > self._max_bytes:
            return None
        events = received[:-2].split(b"\n\n")
        for event in events:
            if not event.startswith(b"data: ") or b"\n" in event:
                return None
        self._first_line = False
        return [event[6:] for event in events]

    def _line_by_line(self, received: bytes) -> list[bytes]:
        rest = self._rest
        rest += received
        events: list[bytes] = []
        start = 0
        while (end := rest.find(b"\n", max(start, self._scanned))) >= 0:
            line = bytes(rest[start:end])
            start = end + 1
            if line:
                self._take_line(line)
            else:
                events += self._dispatch()
        del rest[:start]
        self._scanned = len(rest)
        if len(rest) + self._data_bytes > self._max_bytes:
            raise EventTooLongError(f"An event is longer than {self._max_bytes} bytes.")
        return events

    def _take_line(self, line: bytes) -> None:
        if self._first_line:
            line = line.removeprefix(_BOM)
            self._first_line = False
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_bytes += len(value)
            if self._data_bytes > self._max_bytes:
                raise EventTooLongError(f"An event is longer than {self._max_bytes} bytes.")

    def _dispatch(self) -> list[bytes]:
        data, self._data, self._data_bytes = self._data, [], 0
        return [b"\n".join(data)] if data else []
