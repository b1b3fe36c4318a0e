"""Reads one streamed answer as windows, within its deadlines.

Deltas are merged as they are read from the socket, so what follows costs per window and not per
token. Nothing is read ahead of the consumer: a slow one slows the model down through TCP.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp

from chains.errors import ModelInterruptedError, ModelUnavailableError
from chains.qwen.assembly import Assembly, Window
from chains.qwen.client import FOREIGN, explain, explain_status
from chains.qwen.deltas import DONE, MalformedEventError, ReportedError, parse_delta
from chains.qwen.sse import EventParser, Parser, WholeBody

_AFTER_FINISH = 1.0
"""Seconds a finished answer waits for its token counts and the end of the stream."""
_HOLD_AGAIN = 0.05
"""Seconds until text without a single word end is looked at again."""
_BROKEN_OFF = "The model server broke off its answer."


@dataclass(frozen=True, slots=True)
class Pace:
    """When an answer is late. Moments are of the loop's clock, all in seconds."""

    first_token_at: float
    total_at: float
    stall: float
    """Longest time between two tokens."""
    hold: float
    """How long a window waits for the end of its sentence."""


class AnswerReader:
    """One answer.

    Args:
        response: An open response of status 200; the reader closes it.
        assembly: Where the deltas go.
        pace: The deadlines.
    """

    def __init__(self, response: aiohttp.ClientResponse, assembly: Assembly, pace: Pace) -> None:
        self._response = response
        self._assembly = assembly
        self._pace = pace
        self._parser = _parser_of(response)
        self._clock = asyncio.get_running_loop().time
        self._token_at = pace.first_token_at
        """When the next token is late."""
        self._hold_at: float | None = None
        """When what waits for a sentence's end is handed out without it."""
        self._timer: asyncio.Timeout | None = None
        self._started = False
        self._ended = False
        self._handed_out = False

    async def windows(self) -> AsyncGenerator[Window, None]:
        """Hand out the answer, window by window.

        Raises:
            ModelUnavailableError: It went wrong before anything was handed out.
            ModelInterruptedError: It went wrong later; what had been read is handed out first.
        """
        ready = self._assembly.ready
        try:
            while not self._ended:
                await self._wait()
                while ready:
                    self._handed_out = True
                    yield ready.popleft()
        except ModelInterruptedError:
            for window in self._assembly.end():
                yield window
            raise
        for window in self._assembly.end():
            yield window
        await self._release()

    def close(self) -> None:
        """Close the connection, which stops the model; harmless after the end."""
        self._response.close()

    async def _wait(self) -> None:
        """Read until a window is ready or the answer has ended."""
        ready = self._assembly.ready
        if self._handed_out and self._assembly.finish_reason is None:
            # The time a consumer took is not the model's.
            self._token_at = max(self._token_at, self._clock() + self._pace.stall)
        while not ready and not self._ended:
            try:
                async with asyncio.timeout_at(self._wake_at()) as self._timer:
                    while not ready and not self._ended:
                        await self._read()
            except TimeoutError:
                self._on_time()

    async def _read(self) -> None:
        """Take what the socket has."""
        try:
            received = await self._response.content.readany()
            self._take(self._parser.feed(received) if received else self._parser.end())
        except ReportedError as error:
            raise self._failure(explain_status(error.status or 500), error.status) from None
        except MalformedEventError as error:
            # The last event of a broken connection is half an event.
            broken = self._response.content.at_eof()
            raise self._failure(_BROKEN_OFF if broken else explain(error)) from None
        except FOREIGN as error:
            self._end_or_fail(explain(error))
        else:
            if not received:
                self._end_or_fail(_BROKEN_OFF)

    def _take(self, events: list[bytes]) -> None:
        """Merge events into the answer."""
        assembly = self._assembly
        ready = len(assembly.ready)
        said = False
        for data in events:
            if data == DONE:
                self._end_or_fail(_BROKEN_OFF, done=True)
                return
            if data:  # empty events keep connections alive
                said |= assembly.add(parse_delta(data))
            if assembly.excessive:
                assembly.finish_reason = "length"
                self._ended = True
                self.close()
                return
        if said or assembly.finish_reason is not None:
            self._started |= said
            self._put_off(cut=len(assembly.ready) > ready)

    def _put_off(self, *, cut: bool) -> None:
        """Set the deadlines anew: something came, and perhaps a window was cut."""
        now = self._clock()
        finished = self._assembly.finish_reason is not None
        self._token_at = now + (_AFTER_FINISH if finished else self._pace.stall)
        if cut:
            self._hold_at = None
        if self._hold_at is None and self._assembly.waiting:
            self._hold_at = now + self._pace.hold
        self._wake_earlier()

    def _end_or_fail(self, message: str, *, done: bool = False) -> None:
        """End the answer if the server said that it is whole, whatever happened afterwards."""
        if self._assembly.finish_reason is None and not done:
            raise self._failure(message)
        self._ended = True

    def _wake_at(self) -> float:
        soonest = min(self._token_at, self._pace.total_at)
        return soonest if self._hold_at is None else min(soonest, self._hold_at)

    def _wake_earlier(self) -> None:
        """Wake at the next deadline if the timer is set later. Setting it back is not worth it."""
        timer = self._timer
        if timer is None or timer.expired():
            return
        when, wake_at = timer.when(), self._wake_at()
        if when is not None and wake_at < when:
            timer.reschedule(wake_at)

    def _on_time(self) -> None:
        """Do what is due; perhaps nothing, since tokens put deadlines off without the timer."""
        now = self._clock()
        assembly = self._assembly
        if self._hold_at is not None and now >= self._hold_at:
            again = self._pace.hold if assembly.cut() else _HOLD_AGAIN
            self._hold_at = now + again if assembly.waiting else None
        if now < min(self._token_at, self._pace.total_at):
            return
        if now >= self._pace.total_at:
            self._end_or_fail("The model took too long to answer.")
        elif self._started:
            self._end_or_fail("The model stopped in the middle of its answer.")
        else:
            self._end_or_fail("The model did not begin to answer in time.")

    def _failure(
        self, message: str, status: int | None = None
    ) -> ModelUnavailableError | ModelInterruptedError:
        """What to raise: nothing is lost yet while nothing was handed out."""
        self.close()
        if self._handed_out:
            return ModelInterruptedError(message)
        return ModelUnavailableError(message, status=status)

    async def _release(self) -> None:
        """Give the connection back for the next request, if its answer ends at once."""
        content = self._response.content
        try:
            if not content.at_eof():
                async with asyncio.timeout(0.05):
                    while await content.readany():
                        pass
        except FOREIGN:
            self.close()
        else:
            self._response.release()


def _parser_of(response: aiohttp.ClientResponse) -> Parser:
    """What the body is made of.

    Raises:
        ModelUnavailableError: A web page, such as a network's log-in.
    """
    kind = response.content_type
    if kind == "text/html":
        response.close()
        raise ModelUnavailableError("The model server answered with a web page.")
    return WholeBody() if kind == "application/json" else EventParser()
