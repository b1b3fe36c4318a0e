"""Asks a server which models it has: one request, no surprises."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import orjson
from pydantic import SecretStr

from chains.qwen.client import FOREIGN, explain, explain_status, open_session
from chains.qwen.endpoint import Source, is_loopback, is_qwen

_BODY_BYTES = 1024 * 1024
_OWNERS: dict[str, Source] = {"library": "ollama", "vllm": "vllm", "llamacpp": "llama.cpp"}
_OURSELVES = "covenant"
_NO_CHAT = ("embed", "rerank", "guard", "asr", "tts", "whisper", "ocr", "image", "reward")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said about itself."""

    models: tuple[str, ...] = ()
    """Names, in the server's order; empty where it did not say."""
    source: Source | None = None
    """The kind of server, where its models tell."""
    status: int | None = None
    """HTTP status; None where nothing answered."""
    problem: str | None = None
    """Why there are no models, in one sentence."""
    is_covenant: bool = field(default=False)
    """Whether it is this very product: a bot behind a bot is a loop."""


async def ask_models(base_url: str, *, within: timedelta, key: SecretStr | None = None) -> Answer:
    """Ask a server for its models. Never raises for what the server does.

    Args:
        base_url: The server, ending in ``/v1``.
        within: Time for everything, connecting included.
        key: Sent as bearer token. Give it only to the server it belongs to.
    """
    headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    try:
        async with (
            asyncio.timeout(within.total_seconds()),
            open_session(local=is_loopback(base_url), connect=within) as session,
            session.get(f"{base_url}/models", headers=headers, allow_redirects=False) as response,
        ):
            status = response.status
            body = await response.content.read(_BODY_BYTES) if status == HTTPStatus.OK else b""
            while status == HTTPStatus.OK and not response.content.at_eof():
                body += await response.content.read(_BODY_BYTES)
                if len(body) > _BODY_BYTES:
                    break
    except FOREIGN as error:
        return Answer(problem=explain(error))
    if status != HTTPStatus.OK:
        return Answer(status=status, problem=explain_status(status))
    return _read(body, status)


def choose_model(models: tuple[str, ...], *, wanted: str | None = None) -> str | None:
    """Choose the model to talk to: the wanted one, a Qwen that chats, or any that does.

    Args:
        models: Names, in the server's order.
        wanted: A name that is taken if the server has it, and missed if it does not.
    """
    if wanted is not None:
        return wanted if wanted in models else None
    chatting = [name for name in models if not any(word in name.casefold() for word in _NO_CHAT)]
    return next((name for name in chatting if is_qwen(name)), next(iter(chatting), None))


def _read(body: bytes, status: int) -> Answer:
    no_models = Answer(status=status, problem="It is no model server.")
    try:
        listed = orjson.loads(body)["data"]
        names = tuple(str(card["id"]) for card in listed)
        owners = [str(card.get("owned_by", "")) for card in listed]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return no_models
    if not names:
        return Answer(status=status, problem="It has no models.")
    source = next((_OWNERS[owner] for owner in owners if owner in _OWNERS), None)
    return Answer(names, source, status, is_covenant=_OURSELVES in owners)
