"""The connection to a model server, and the one edge where foreign errors become ours.

Nothing above this module sees an aiohttp, OS, TLS or JSON error. What ours say is written here and
holds no address with a password, no key, and none of the server's words: they may quote a prompt.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import aiohttp
import orjson
from aiohttp.http_exceptions import HttpProcessingError

from chains.errors import ModelUnavailableError
from chains.qwen.deltas import MalformedEventError, ReportedError
from chains.qwen.endpoint import Endpoint
from chains.qwen.keys import Keys, SingleKey
from chains.qwen.sse import EventTooLongError

_IDLE = 4.0
"""Seconds an idle connection is kept: shorter than uvicorn's five, which vLLM runs on."""
_ERROR_BYTES = 8192
"""How much of an error's body is read."""
_RETRY_AFTER_MAX = timedelta(hours=1)
_REFUSED_FIELD = re.compile(
    rb"unrecogni[sz]ed|unknown|unexpected|extra|unsupported|not (?:permitted|allowed|supported)"
    rb"|does not support|invalid",
    re.IGNORECASE,
)

_EXPLANATIONS: tuple[tuple[type[BaseException], str], ...] = (
    # The first class that fits explains; subclasses stand before their bases.
    (aiohttp.ClientConnectorDNSError, "The model server's name cannot be resolved."),
    (aiohttp.ClientProxyConnectionError, "The proxy before the model server does not answer."),
    (aiohttp.ClientHttpProxyError, "The proxy before the model server refuses the connection."),
    (aiohttp.ClientSSLError, "The model server's certificate or TLS is not accepted."),
    (aiohttp.ServerFingerprintMismatch, "The model server's certificate is not accepted."),
    (ssl.SSLError, "The model server's certificate or TLS is not accepted."),
    (aiohttp.ServerTimeoutError, "The model server does not answer in time."),
    (aiohttp.ClientConnectorError, "The model server cannot be reached."),
    (aiohttp.ServerDisconnectedError, "The model server closed the connection."),
    (aiohttp.ClientPayloadError, "The model server broke off its answer."),
    (aiohttp.ClientConnectionError, "The connection to the model server broke."),
    (aiohttp.InvalidURL, "The model server's address is not a valid URL."),
    (aiohttp.NonHttpUrlClientError, "The model server's address is no HTTP address."),
    (aiohttp.RedirectClientError, "The model server redirects to an invalid address."),
    (aiohttp.TooManyRedirects, "The model server redirects without end."),
    (aiohttp.ClientResponseError, "The model server's answer is no valid HTTP."),
    (aiohttp.ClientError, "The request to the model server failed."),
    (HttpProcessingError, "The model server's answer is no valid HTTP."),
    (ConnectionResetError, "The connection to the model server broke."),
    (TimeoutError, "The model server does not answer in time."),
    (OSError, "The connection to the model server broke."),
    (EventTooLongError, "The model server sent an event longer than any answer."),
    (MalformedEventError, "The model server sent something that is no answer."),
    (ReportedError, "The model server reported an error."),
    (UnicodeError, "The model server sent bytes that are no text."),
    (orjson.JSONDecodeError, "The model server sent something that is no answer."),
)

FOREIGN: tuple[type[BaseException], ...] = tuple(kind for kind, _ in _EXPLANATIONS)
"""Every class of error that asking a model server may raise."""


def explain(error: BaseException) -> str:
    """Say in one sentence what a foreign error means."""
    for kind, sentence in _EXPLANATIONS:
        if isinstance(error, kind):
            return sentence
    raise error


class ModelClient:
    """Requests to one endpoint over one pool of connections.

    Belongs to the event loop it is first used in. Close it with `aclose`.

    Args:
        endpoint: Where the model is served.
        connect: Longest time to open a connection, TLS included.
        keys: Hands out the key of each request; the endpoint's own if not given.
    """

    def __init__(self, endpoint: Endpoint, *, connect: timedelta, keys: Keys | None = None) -> None:
        self.endpoint = endpoint
        self._connect = connect
        self._keys = keys or SingleKey(endpoint.api_key)
        self._session: aiohttp.ClientSession | None = None
        self._refused_fields: frozenset[str] = frozenset()

    async def post(
        self, payload: Mapping[str, object], *, optional: Sequence[str] = ()
    ) -> aiohttp.ClientResponse:
        """Ask for a chat completion; the answer's body is still to be read.

        Args:
            payload: The request.
            optional: Fields of it that not every server knows. A server that refuses one is asked
                again without it, and never gets it again if it answers then.

        Raises:
            ModelUnavailableError: The server cannot be reached or refuses.
        """
        fields = {
            name: value for name, value in payload.items() if name not in self._refused_fields
        }
        response = await self._send(fields)
        left_out: frozenset[str] = frozenset()
        while response.status != HTTPStatus.OK:
            complaint = await _start_of(response)
            dropped = self._to_drop(
                response.status, complaint, [n for n in optional if n in fields]
            )
            if not dropped:
                raise self._refusal(response)
            left_out |= dropped
            fields = {name: value for name, value in fields.items() if name not in dropped}
            response = await self._send(fields)
        self._refused_fields |= left_out
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, fields: Mapping[str, object]) -> aiohttp.ClientResponse:
        body = orjson.dumps(fields)
        reuse = SimpleNamespace(happened=False)
        try:
            return await self._post(body, reuse)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
            # A server may close an idle connection just as it is used again: the request was not
            # read, and the one thing to do is to send it over a fresh connection.
            if not reuse.happened:
                raise ModelUnavailableError(explain(error)) from None
        except FOREIGN as error:
            # `from None`: aiohttp's errors hold the request's headers, the key among them.
            raise ModelUnavailableError(explain(error)) from None
        try:
            return await self._post(body, SimpleNamespace(happened=False))
        except FOREIGN as error:
            raise ModelUnavailableError(explain(error)) from None

    async def _post(self, body: bytes, reuse: SimpleNamespace) -> aiohttp.ClientResponse:
        key = self._keys.current()
        headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        return await self._pool().post(
            f"{self.endpoint.base_url}/chat/completions",
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=reuse,
        )

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(local=self.endpoint.is_local, connect=self._connect)
        return self._session

    def _to_drop(self, status: int, complaint: bytes, optional: list[str]) -> frozenset[str]:
        """The optional fields that a refusal is about."""
        if status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return frozenset()
        named = frozenset(name for name in optional if name.encode() in complaint)
        if named or not _REFUSED_FIELD.search(complaint):
            return named
        return frozenset(optional)

    def _refusal(self, response: aiohttp.ClientResponse) -> ModelUnavailableError:
        status = response.status
        key = self._keys.current()
        if key is not None and status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            self._keys.refused(key)
        return ModelUnavailableError(
            explain_status(status), status=status, retry_after=retry_after(response.headers)
        )


def open_session(*, local: bool, connect: timedelta) -> aiohttp.ClientSession:
    """Open a pool of connections without cookies or compression.

    Args:
        local: Whether the server runs on this machine; a proxy is never asked for those.
        connect: Longest time to open a connection.
    """
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,  # admission is bounded where requests come in, not by waiting here
            keepalive_timeout=_IDLE,
            ttl_dns_cache=60,
            socket_factory=_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"content-type": "application/json", "accept-encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect.total_seconds()),
        trust_env=not local,
        trace_configs=[trace],
    )


def explain_status(status: int) -> str:
    """Say in one sentence what a status other than 200 means."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            reason = "The model server refuses the key"
        case HTTPStatus.NOT_FOUND:
            reason = "The model server knows no such model or address"
        case HTTPStatus.TOO_MANY_REQUESTS:
            reason = "The model server is over its limit"
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reason = "The model server failed"
        case _ if status < HTTPStatus.BAD_REQUEST:
            reason = "The model server answered something else than an answer"
        case _:
            reason = "The model server refuses the request"
    return f"{reason} (status {status})."


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read a ``Retry-After`` header: seconds or a date (RFC 9110, 10.2.3); an hour at most."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        wait = timedelta(seconds=float(value))
    except OverflowError:
        return _RETRY_AFTER_MAX
    except ValueError:
        try:
            wait = parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)
        except ValueError:
            return None
    return min(max(wait, timedelta(0)), _RETRY_AFTER_MAX)


async def _start_of(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of an error's body, if they come soon; closes the connection."""
    try:
        async with asyncio.timeout(1):
            return await response.content.read(_ERROR_BYTES)
    except FOREIGN:
        return b""
    finally:
        response.close()


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any
) -> None:
    request: SimpleNamespace | None = context.trace_request_ctx
    if request is not None:
        request.happened = True


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket that sends at once and notices dead peers."""
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return opened
