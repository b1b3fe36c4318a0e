import asyncio
import inspect
import re
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import client_exceptions, compression_utils, http_exceptions
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import SecretStr
from yarl import URL

from chains.errors import ModelUnavailableError
from chains.qwen.client import FOREIGN, ModelClient, explain, explain_status, retry_after
from chains.qwen.deltas import MalformedEventError, ReportedError
from chains.qwen.endpoint import Endpoint
from chains.qwen.sse import EventTooLongError
from tests.fakes.scripted_qwen import Fault, Reply, Script, ScriptedQwen

NOT_ASKED_FOR = {
    "BadContentDispositionHeader": "a warning about multipart bodies, which we do not read",
    "BadContentDispositionParam": "a warning about multipart bodies, which we do not read",
    "WSMessageTypeError": "we open no web sockets",
    "WebSocketError": "we open no web sockets",
    "EofStream": "aiohttp catches it itself",
    "LookupError": "raised for payload types, and we send bytes",
    "TooManyMembersError": "a ValueError of decompression, which we refuse to ask for",
}


def aiohttp_errors() -> list[type[BaseException]]:
    """Every class of exception that aiohttp's client defines."""
    modules = (
        *(aiohttp, client_exceptions, http_exceptions, compression_utils),
        *(aiohttp.streams, aiohttp.payload),
    )
    found = {
        member
        for module in modules
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, BaseException)
        and member.__module__.startswith("aiohttp.")
        and not member.__module__.startswith("aiohttp.web")
    }
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.fixture
async def client(qwen: ScriptedQwen) -> AsyncIterator[ModelClient]:
    """A client of the scripted server."""
    made = ModelClient(Endpoint(qwen.base_url, "qwen"), connect=timedelta(seconds=1))
    yield made
    await made.aclose()


async def ask(client: ModelClient, *, optional: tuple[str, ...] = (), **fields: object) -> str:
    """Ask and read the whole answer."""
    response = await client.post({"model": "qwen", "messages": []} | fields, optional=optional)
    return await response.text()


@pytest.mark.parametrize("kind", aiohttp_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_aiohttp_is_mapped(kind: type[BaseException]) -> None:
    """An aiohttp release with a new error shows here, and not in somebody's chat."""
    assert issubclass(kind, FOREIGN) or kind.__name__ in NOT_ASKED_FOR


def test_exceptions_to_the_map_still_exist() -> None:
    """The list of errors that cannot happen names real ones."""
    assert set(NOT_ASKED_FOR) <= {kind.__name__ for kind in aiohttp_errors()}


@pytest.mark.parametrize("position", range(len(FOREIGN)))
def test_no_row_of_the_map_is_out_of_reach(position: int) -> None:
    """A class never stands behind one of its bases, which would speak for it."""
    kind = FOREIGN[position]

    assert [earlier for earlier in FOREIGN[:position] if issubclass(kind, earlier)] == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (aiohttp.ServerTimeoutError("http://user:SECRET@host"), "does not answer in time"),
        (aiohttp.InvalidURL("http://user:SECRET@host"), "no valid URL|not a valid URL"),
        (aiohttp.ClientPayloadError("SECRET"), "broke off"),
        (ConnectionResetError("SECRET"), "connection .* broke"),
        (TimeoutError(), "in time"),
        (OSError("SECRET"), "connection .* broke"),
        (ssl.SSLCertVerificationError("SECRET"), "certificate"),
        (EventTooLongError("SECRET"), "longer"),
        (MalformedEventError("SECRET"), "no answer"),
        (ReportedError(None), "reported an error"),
        (
            aiohttp.ClientResponseError(
                aiohttp.RequestInfo(
                    URL("http://host"),
                    "POST",
                    CIMultiDictProxy(CIMultiDict({"authorization": "Bearer SECRET"})),
                ),
                (),
            ),
            "valid HTTP",
        ),
    ],
)
def test_explanations_hold_nothing_foreign(error: Exception, sentence: str) -> None:
    """A sentence of ours, whatever the error's own words are."""
    said = explain(error)

    assert re.search(sentence, said)
    assert "SECRET" not in said


def test_an_error_that_is_not_foreign_is_not_explained_away() -> None:
    """A defect of ours stays visible as what it is."""
    with pytest.raises(ZeroDivisionError):
        explain(ZeroDivisionError())


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429, 500, 503])
async def test_a_status_is_told_with_when_to_come_back(
    qwen: ScriptedQwen, client: ModelClient, status: int
) -> None:
    """Every other status than 200 is the model being unavailable, with the server's advice."""
    qwen.otherwise(Reply(status=status, retry_after="2", error="SECRET"))

    with pytest.raises(ModelUnavailableError) as raised:
        await ask(client)

    assert raised.value.status == status
    assert raised.value.retry_after == timedelta(seconds=2)
    assert raised.value.message == explain_status(status)
    assert "SECRET" not in repr(raised.value.__cause__)


async def test_no_connection_is_told_at_once() -> None:
    """A port nobody listens on, and a name nobody has."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    client = ModelClient(
        Endpoint(f"http://127.0.0.1:{port}/v1", "qwen"), connect=timedelta(seconds=1)
    )

    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await ask(client)
    await client.aclose()


async def test_the_key_is_sent_and_never_told() -> None:
    """The key reaches its server, and no message or repr."""
    script = Script(api_key="right")
    async with ScriptedQwen(script) as server:
        for key, accepted in (("right", True), ("wrong-SECRET", False)):
            endpoint = Endpoint(server.base_url, "qwen", SecretStr(key))
            client = ModelClient(endpoint, connect=timedelta(seconds=1))
            if accepted:
                assert "choices" in await ask(client)
            else:
                with pytest.raises(ModelUnavailableError, match="refuses the key") as raised:
                    await ask(client)
                assert "SECRET" not in repr(raised.value) + repr(endpoint) + repr(client)
            await client.aclose()


async def test_a_refused_field_is_left_out_and_remembered(
    qwen: ScriptedQwen, client: ModelClient
) -> None:
    """A server that does not know a field is asked again without it, once for all."""
    qwen.script.unknown_fields = ["enable_thinking"]
    optional = ("enable_thinking", "stream_options")

    for _ in range(2):
        await ask(client, optional=optional, enable_thinking=False, stream_options={})

    sent = [sorted(set(one.body) & set(optional)) for one in qwen.received]
    assert sent == [["enable_thinking", "stream_options"], ["stream_options"], ["stream_options"]]


async def test_all_optional_fields_go_if_the_server_names_none(
    qwen: ScriptedQwen, client: ModelClient
) -> None:
    """A refusal that only says that something is unknown costs every optional field."""
    qwen.when("", Reply(status=422, error="Extra inputs are not permitted"), times=1)

    await ask(client, optional=("enable_thinking", "stream_options"), enable_thinking=False)

    assert "enable_thinking" not in qwen.received[1].body


async def test_other_refusals_are_not_tried_again(qwen: ScriptedQwen, client: ModelClient) -> None:
    """A prompt that is too long stays too long: one request, one error."""
    qwen.otherwise(Reply(status=400, error="This model's maximum context length is 7"))

    with pytest.raises(ModelUnavailableError):
        await ask(client, optional=("enable_thinking",), enable_thinking=False)

    assert len(qwen.received) == 1


async def test_fields_are_not_forgotten_if_leaving_them_out_does_not_help(
    qwen: ScriptedQwen, client: ModelClient
) -> None:
    """Only a success without a field proves that the field was the problem."""
    qwen.when("", Reply(status=400, error="unknown error"), times=2)

    with pytest.raises(ModelUnavailableError):
        await ask(client, optional=("enable_thinking",), enable_thinking=False)
    await ask(client, optional=("enable_thinking",), enable_thinking=False)

    assert ["enable_thinking" in one.body for one in qwen.received] == [True, False, True]


async def test_connections_are_kept_and_send_at_once(
    qwen: ScriptedQwen, client: ModelClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection serves one request after the other, without Nagle's delay."""
    options: list[int] = []
    connected = asyncio.Event()
    original = aiohttp.client_proto.ResponseHandler.connection_made

    def spy(self: aiohttp.client_proto.ResponseHandler, transport: asyncio.BaseTransport) -> None:
        opened = transport.get_extra_info("socket")
        options.append(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        connected.set()
        original(self, transport)

    monkeypatch.setattr(aiohttp.client_proto.ResponseHandler, "connection_made", spy)
    for _ in range(3):
        await ask(client)

    assert qwen.connections == 1
    assert len(options) == 1
    assert options[0] != 0


async def test_a_connection_the_server_closed_meanwhile_is_replaced(
    qwen: ScriptedQwen, client: ModelClient
) -> None:
    """A request that meets a dead kept connection goes out again over a fresh one."""
    await ask(client)
    qwen.when("", Reply(fault=Fault.DISCONNECT), times=1)

    assert "choices" in await ask(client)
    assert qwen.connections == 2


async def test_a_fresh_connection_that_is_closed_is_an_error(
    qwen: ScriptedQwen, client: ModelClient
) -> None:
    """A server that hangs up is not asked again and again."""
    qwen.otherwise(Reply(fault=Fault.DISCONNECT))

    with pytest.raises(ModelUnavailableError, match="closed the connection"):
        await ask(client)

    assert len(qwen.received) == 1


async def test_proxies_do_not_stand_before_this_machine(
    qwen: ScriptedQwen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy variables of the environment never break a local server."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = ModelClient(Endpoint(qwen.base_url, "qwen"), connect=timedelta(seconds=1))

    assert "choices" in await ask(client)
    await client.aclose()


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("", None),
        ("2", timedelta(seconds=2)),
        ("0.5", timedelta(seconds=0.5)),
        ("-7", timedelta(0)),
        ("nan", None),
        ("inf", timedelta(hours=1)),
        ("86400", timedelta(hours=1)),
        ("soon", None),
        ("Sun, 01 Nov 2020 00:00:00 GMT", timedelta(0)),
    ],
)
def test_retry_after_is_read_with_care(value: str, wait: timedelta | None) -> None:
    """Seconds or a date; never negative, never absurdly far."""
    assert retry_after({"retry-after": value}) == wait


def test_retry_after_may_be_a_date() -> None:
    """A date means the time until then."""
    then = datetime.now(UTC) + timedelta(seconds=90)

    wait = retry_after({"retry-after": format_datetime(then, usegmt=True)})

    assert wait is not None
    assert timedelta(seconds=80) < wait <= timedelta(seconds=90)
