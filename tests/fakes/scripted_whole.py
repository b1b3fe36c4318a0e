"""Writes one scripted reply as a single JSON document, faults included."""

import asyncio

from tests.fakes.scripted_answers import Received, usage_of
from tests.fakes.scripted_reply import Fault, Reply
from tests.fakes.scripted_wire import Wire


async def answer_whole(received: Received, reply: Reply, wire: Wire) -> bool:
    """Answer a request that does not stream; False where a fault spoiled the answer."""
    usage = usage_of(received, reply)
    pace = reply.tokens_per_second
    generation = usage["completion_tokens"] / pace if pace else 0
    await asyncio.sleep(reply.ttft.total_seconds() + generation)
    if await _fault(reply, wire):
        return False
    choice = {
        "index": 0,
        "finish_reason": reply.finish_reason,
        "message": _message(reply, thinking=received.thinking),
    }
    answer: dict[str, object] = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1,
        "model": received.model,
        "choices": [choice],
    }
    wire.answer(answer | ({"usage": usage} if reply.usage else {}))
    return True


async def _fault(reply: Reply, wire: Wire) -> bool:
    match reply.fault:
        case Fault.SILENCE | Fault.STALL | Fault.ENDLESS:
            wire.begin_stream()
            await asyncio.sleep(3600)
        case Fault.RESET:
            wire.reset()
        case Fault.CUT | Fault.EOF:
            wire.begin_stream()
            wire.chunk(b'{"choices": [')
            wire.transport.close()
        case Fault.MALFORMED:
            wire.answer_bytes(b'{"choices": [oops', "application/json")
        case Fault.ERROR:
            wire.answer({"error": {"message": reply.error, "code": 500}})
        case _:
            return False
    return True


def _message(reply: Reply, *, thinking: bool) -> dict[str, str]:
    text = "" if reply.fault is Fault.EMPTY else reply.text
    message = {"role": "assistant", "content": text}
    if not (reply.reasoning and thinking):
        return message
    if reply.reasoning_field == "think":
        return message | {"content": f"<think>\n{reply.reasoning}\n</think>\n\n{text}"}
    return message | {reply.reasoning_field: reply.reasoning}
