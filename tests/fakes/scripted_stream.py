"""Writes one scripted reply as an OpenAI event stream, faults included."""

import asyncio
from collections.abc import Iterable
from itertools import chain, repeat

import orjson

from tests.fakes.scripted_reply import Fault, Reply, tokens_of
from tests.fakes.scripted_wire import Wire

_DONE = b"data: [DONE]\n\n"


class EventStream:
    """One streamed answer.

    Args:
        wire: The connection.
        reply: What to say.
        model: The model's name, echoed in every chunk.
        thinking: Whether to send the reasoning.
        usage: The token counts to report at the end; None for none.
    """

    def __init__(
        self, wire: Wire, reply: Reply, *, model: str, thinking: bool, usage: dict[str, int] | None
    ) -> None:
        self._wire = wire
        self._reply = reply
        self._model = model
        self._usage = usage
        reasoning = reply.reasoning if thinking else ""
        text = "" if reply.fault is Fault.EMPTY else reply.text
        if reasoning and reply.reasoning_field == "think":
            text, reasoning = f"<think>\n{reasoning}\n</think>\n\n{text}", ""
        self._deltas = [
            *({reply.reasoning_field: token} for token in tokens_of(reasoning)),
            *({"content": token} for token in tokens_of(text)),
        ]

    async def send(self) -> bool:
        """Send it all; False where a fault kept the stream from its proper end."""
        wire, reply = self._wire, self._reply
        if reply.fault is Fault.SILENCE:
            wire.begin_stream()
            await asyncio.sleep(3600)
        await asyncio.sleep(reply.ttft.total_seconds())
        wire.begin_stream()
        if not reply.tokens_per_second and reply.fault is None:
            whole = [self._delta({"role": "assistant", "content": ""})]
            whole += [self._delta(delta) for delta in self._deltas]
            wire.chunk(b"".join(whole) + self._end())
            wire.end_stream()
            return True
        await self._write(self._delta({"role": "assistant", "content": ""}))
        loop = asyncio.get_running_loop()
        due = loop.time()
        gap = 1 / reply.tokens_per_second if reply.tokens_per_second else 0.0
        for position, delta in enumerate(self._sequence()):
            if position != reply.after:
                await self._write(self._delta(delta))
            elif await self._end_at_fault():
                return False
            else:
                await self._write_faulty(delta)
            await wire.drain()
            due += gap
            await asyncio.sleep(max(0.0, due - loop.time()))
        if len(self._deltas) <= reply.after and await self._end_at_fault():
            return False
        await self._write(self._end())
        wire.end_stream()
        return True

    def _sequence(self) -> Iterable[dict[str, str]]:
        endless = self._reply.fault is Fault.ENDLESS
        return chain.from_iterable(repeat(self._deltas)) if endless else self._deltas

    async def _end_at_fault(self) -> bool:
        """Do what a fault does after `reply.after` tokens; True where nothing follows."""
        wire, reply = self._wire, self._reply
        match reply.fault:
            case Fault.STALL:
                await asyncio.sleep(3600)
            case Fault.RESET:
                await asyncio.sleep(0.005)  # so that what was written before is read before
                wire.reset()
            case Fault.CUT:
                wire.transport.close()
            case Fault.EOF:
                wire.end_stream()
            case Fault.ERROR:
                wire.chunk(_event({"error": {"message": reply.error, "code": 500}}))
                wire.end_stream()
            case _:
                return False
        return True

    async def _write_faulty(self, delta: dict[str, str]) -> None:
        """Write token `reply.after` the way the fault does; the stream goes on after it."""
        wire, reply = self._wire, self._reply
        match reply.fault:
            case Fault.MALFORMED:
                wire.chunk(b'data: {"choices":[{"delta":{"content":"oops\n\n')
            case Fault.HUGE:
                wire.chunk(self._delta({"content": "x" * reply.size}))
            case Fault.HALF_LINE:
                line = self._delta(delta)
                wire.chunk(line[: len(line) // 2])
                await asyncio.sleep(0.05)
                wire.chunk(line[len(line) // 2 :])
            case _:
                await self._write(self._delta(delta))

    async def _write(self, data: bytes) -> None:
        """Write events, in the pieces the fault asks for."""
        wire, reply = self._wire, self._reply
        match reply.fault:
            case Fault.BYTES:
                for byte in data:
                    wire.chunk(bytes([byte]))
                    await asyncio.sleep(reply.gap.total_seconds())
            case Fault.SPLIT:
                # Lead bytes of multibyte characters are 0xC0 and above.
                cuts = [index + 1 for index, byte in enumerate(data) if byte >= 0xC0]
                for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                    wire.chunk(data[start:end])
                    await asyncio.sleep(0.001)
            case Fault.CRLF:
                # Data over several lines is joined by line feeds, which JSON reads as blanks.
                lines = data.replace(b'"choices":', b'"choices":\r\ndata: ').replace(
                    b"\n\n", b"\r\n\r\n"
                )
                wire.chunk(b": keep-alive\r\n\r\nid: 7\r\nretry: 1000\r\n" + lines)
            case _:
                wire.chunk(data)

    def _delta(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event(self._envelope() | {"choices": [choice]})

    def _end(self) -> bytes:
        end = self._delta({}, self._reply.finish_reason)
        if self._usage is not None:
            end += _event(self._envelope() | {"choices": [], "usage": self._usage})
        return end if self._reply.fault is Fault.NO_DONE else end + _DONE

    def _envelope(self) -> dict[str, object]:
        return {
            "id": "chatcmpl-scripted",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self._model,
        }


def _event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
