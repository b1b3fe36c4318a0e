import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from chains.qwen import discovery
from chains.qwen.discovery import Discovery, Outcome, discover
from chains.qwen.endpoint import Source
from chains.qwen.probe import Answer, ask_models, choose_model
from chains.qwen.settings import ModelSettings
from chains.qwen.weights import LocalModel
from evals.bench.processes import free_port
from tests.fakes.scripted_qwen import Incoming, Script, ScriptedQwen, Wire

WEIGHTS = LocalModel("qwen3-1.7b", Path("/nowhere/qwen.gguf"))
KEY = SecretStr("sk-SECRET")


async def hang(_request: Incoming, _wire: Wire) -> None:
    """Accept and never answer."""
    await asyncio.sleep(5)


async def web_page(_request: Incoming, wire: Wire) -> None:
    """Answer like any web server."""
    wire.answer_bytes(b"<html>hello</html>", "text/html")


async def endless(_request: Incoming, wire: Wire) -> None:
    """Answer with more than any list of models."""
    wire.answer_bytes(b"[" * (2 << 20), "application/json")


def outcomes(found: Discovery) -> dict[str, Outcome]:
    """What became of each place."""
    return {probe.source: probe.outcome for probe in found.tried}


async def on_ports(*ports: tuple[Source, int], settings: ModelSettings | None = None) -> Discovery:
    """Look at these ports only."""
    return await discover(settings or ModelSettings(), local_ports=ports)


async def test_nothing_anywhere_is_no_error() -> None:
    """Without any model there is nothing to ask, and the reasons are told."""
    found = await on_ports(("ollama", free_port()))

    assert (found.endpoint, found.local_model) == (None, None)
    assert outcomes(found) == {"ollama": Outcome.ABSENT, "embedded": Outcome.ABSENT}
    assert "covenant model fetch" in found.tried[-1].note


async def test_a_local_server_is_used_without_any_setting() -> None:
    """A server of this machine is found by its port, and its first chatting Qwen is taken."""
    models = ["llama3:8b", "qwen3-embedding:0.6b", "qwen3:8b", "qwen2.5:7b"]
    async with ScriptedQwen(Script(models=models, owned_by="library")) as server:
        found = await on_ports(("vllm", server.port))

    assert found.endpoint is not None
    assert (found.endpoint.model, found.endpoint.source) == ("qwen3:8b", "ollama")
    assert found.endpoint.base_url == server.base_url
    assert found.endpoint.api_key is None
    assert found.tried[0].models == tuple(models)


async def test_a_qwen_is_preferred_to_an_earlier_server() -> None:
    """The order of servers matters less than that one has a Qwen."""
    async with (
        ScriptedQwen(Script(models=["llama3:8b"])) as first,
        ScriptedQwen(Script(models=["Qwen/Qwen3-8B"])) as second,
    ):
        found = await on_ports(("ollama", first.port), ("vllm", second.port))

    assert found.endpoint is not None
    assert found.endpoint.model == "Qwen/Qwen3-8B"
    assert outcomes(found)["ollama"] is Outcome.AVAILABLE
    assert "no Qwen" in found.tried[0].note


async def test_another_model_is_better_than_none() -> None:
    """A local server without a Qwen is used, with a note."""
    async with ScriptedQwen(Script(models=["llama3:8b"])) as server:
        found = await on_ports(("ollama", server.port))

    assert found.endpoint is not None
    assert found.endpoint.model == "llama3:8b"
    assert "no Qwen" in found.tried[0].note


async def test_a_name_chooses_among_local_models() -> None:
    """A name without an address is looked for on this machine."""
    async with ScriptedQwen(Script(models=["qwen3:8b", "qwen3:4b"])) as server:
        there = await on_ports(("ollama", server.port), settings=ModelSettings(name="qwen3:4b"))
        missing = await on_ports(("ollama", server.port), settings=ModelSettings(name="qwen9"))

    assert there.endpoint is not None
    assert there.endpoint.model == "qwen3:4b"
    assert missing.endpoint is None
    assert "qwen9" in missing.tried[0].note


async def test_no_key_goes_to_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to listen on a port of this machine never gets a key."""
    asked: list[tuple[str, SecretStr | None]] = []

    async def spy(base_url: str, *, within: timedelta, key: SecretStr | None = None) -> Answer:
        asked.append((base_url, key))
        return await ask_models(base_url, within=within, key=key)

    monkeypatch.setattr(discovery, "ask_models", spy)
    monkeypatch.setattr(discovery, "DASHSCOPE", {"international": "http://127.0.0.1:9/v1"})
    async with ScriptedQwen() as server:
        await discover(
            ModelSettings(api_key=KEY),
            dashscope_key=KEY,
            local_ports=(("ollama", server.port),),
        )

    assert (server.base_url, None) in asked
    assert [key for url, key in asked if url == server.base_url] == [None]


async def test_probes_are_quick_and_parallel() -> None:
    """Servers that do not answer cost 300 ms together, and not each."""
    loop = asyncio.get_running_loop()

    servers = [ScriptedQwen() for _ in range(4)]
    for server in servers:
        server.instead = hang
        await server.start()
    ports: list[tuple[Source, int]] = [("vllm", server.port) for server in servers]
    start = loop.time()

    found = await on_ports(*ports)

    assert loop.time() - start < 0.9
    assert {probe.outcome for probe in found.tried} == {Outcome.ABSENT}
    for server in servers:
        await server.stop()


async def test_we_do_not_ask_ourselves() -> None:
    """Our own port is skipped, and another Covenant is recognised."""
    async with ScriptedQwen(Script(owned_by="covenant")) as server:
        other = await on_ports(("vllm", server.port))
        ours = await discover(
            ModelSettings(), own_port=server.port, local_ports=(("vllm", server.port),)
        )

    assert other.endpoint is None
    assert outcomes(other)["vllm"] is Outcome.UNUSABLE
    assert [probe.source for probe in ours.tried] == ["embedded"]


async def test_other_programs_on_a_port_are_no_models() -> None:
    """A web server, a locked server and an empty one are told apart."""
    async with ScriptedQwen(Script(models=[])) as empty, ScriptedQwen() as web:
        web.instead = web_page
        found = await on_ports(("ollama", empty.port), ("llama.cpp", web.port))

    notes = {probe.source: (probe.outcome, probe.note) for probe in found.tried}
    assert notes["ollama"] == (Outcome.UNUSABLE, "It has no models.")
    assert notes["llama.cpp"] == (Outcome.UNUSABLE, "It is no model server.")


async def test_a_locked_local_server_says_what_to_set() -> None:
    """A server that wants a key gets none, and the note says how to give one."""
    async with ScriptedQwen() as server:
        server.script.api_key = "other"
        found = await on_ports(("vllm", server.port))

    assert found.endpoint is None
    assert f"COVENANT_MODEL__BASE_URL={server.base_url}" in found.tried[0].note


class TestConfigured:
    async def test_it_is_used_with_its_key(self) -> None:
        """A configured server comes first, and gets its key."""
        settings = ModelSettings(base_url="http://127.0.0.1:1/v1", name="qwen-x", api_key=KEY)
        async with ScriptedQwen() as local:
            found = await discover(
                settings, dashscope_key=KEY, local_ports=(("ollama", local.port),)
            )

        assert found.endpoint is not None
        assert (found.endpoint.source, found.endpoint.model) == ("configured", "qwen-x")
        assert found.endpoint.api_key == KEY
        assert "Does not answer now" in found.tried[0].note
        assert outcomes(found)["dashscope"] is Outcome.AVAILABLE
        assert outcomes(found)["ollama"] is Outcome.AVAILABLE
        assert "SECRET" not in repr(found)

    async def test_its_model_is_found_by_asking(self) -> None:
        """Without a name the server's Qwen is taken."""
        async with ScriptedQwen(Script(models=["bge", "qwen-a"])) as server:
            found = await discover(ModelSettings(base_url=server.base_url), local_ports=())

        assert found.endpoint is not None
        assert found.endpoint.model == "qwen-a"
        assert outcomes(found)["configured"] is Outcome.USED

    async def test_nothing_replaces_it(self) -> None:
        """Where a server is configured, nobody's words go to another one."""
        async with ScriptedQwen() as local:
            found = await discover(
                ModelSettings(base_url="http://127.0.0.1:1/v1"),
                local_model=WEIGHTS,
                local_ports=(("ollama", local.port),),
            )

        assert (found.endpoint, found.local_model) == (None, None)
        assert "COVENANT_MODEL__NAME" in found.tried[0].note

    async def test_a_model_it_does_not_list_is_noted(self) -> None:
        """A misspelt name is used and noted: some servers list little."""
        async with ScriptedQwen(Script(models=["qwen-a"])) as server:
            found = await discover(
                ModelSettings(base_url=server.base_url, name="qwen-b"), local_ports=()
            )

        assert found.endpoint is not None
        assert found.tried[0].note == "It does not list qwen-b; it has qwen-a."

    async def test_a_refused_key_is_noted(self) -> None:
        """The note names the variable to look at."""
        async with ScriptedQwen() as server:
            server.script.api_key = "other"
            found = await discover(
                ModelSettings(base_url=server.base_url, name="q"), local_ports=()
            )

        assert "COVENANT_MODEL__API_KEY" in found.tried[0].note


class TestDashScope:
    @pytest.fixture
    def regions(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """DashScope's regions, on this machine."""
        addresses = {
            "international": f"http://127.0.0.1:{free_port()}/v1",
            "mainland": f"http://127.0.0.1:{free_port()}/v1",
        }
        monkeypatch.setattr(discovery, "DASHSCOPE", addresses)
        return addresses

    async def test_the_key_finds_its_region(self, regions: dict[str, str]) -> None:
        """The region that accepts the key is used, with the default model."""
        async with ScriptedQwen() as international, ScriptedQwen() as mainland:
            international.script.api_key = "other"
            regions |= {"international": international.base_url, "mainland": mainland.base_url}
            found = await discover(ModelSettings(), dashscope_key=KEY, local_ports=())

        assert found.endpoint is not None
        assert found.endpoint.base_url == mainland.base_url
        assert (found.endpoint.model, found.endpoint.api_key) == ("qwen-plus", KEY)
        assert "mainland" in found.tried[0].note

    async def test_without_a_network_it_is_assumed(self, regions: dict[str, str]) -> None:
        """A key is a choice: no other model is used because the network is down at start."""
        async with ScriptedQwen() as local:
            found = await discover(
                ModelSettings(name="qwen-max"),
                dashscope_key=KEY,
                local_ports=(("ollama", local.port),),
            )

        assert found.endpoint is not None
        assert (found.endpoint.source, found.endpoint.model) == ("dashscope", "qwen-max")
        assert found.endpoint.base_url == regions["international"]

    async def test_a_bad_key_is_noted(self, regions: dict[str, str]) -> None:
        """Refused everywhere: the note names the variable."""
        async with ScriptedQwen() as server:
            server.script.api_key = "other"
            regions |= {"international": server.base_url, "mainland": server.base_url}
            found = await discover(ModelSettings(), dashscope_key=KEY, local_ports=())

        assert "DASHSCOPE_API_KEY" in found.tried[0].note

    async def test_an_empty_key_is_none(self) -> None:
        """A variable that is set to nothing is not set."""
        found = await discover(ModelSettings(), dashscope_key=SecretStr(""), local_ports=())

        assert outcomes(found) == {"embedded": Outcome.ABSENT}


async def test_weights_on_disk_are_the_last_resort() -> None:
    """The embedded server is for when nothing serves."""
    alone = await discover(ModelSettings(), local_model=WEIGHTS, local_ports=())
    async with ScriptedQwen() as server:
        beside = await discover(
            ModelSettings(), local_model=WEIGHTS, local_ports=(("ollama", server.port),)
        )

    assert (alone.endpoint, alone.local_model) == (None, WEIGHTS)
    assert outcomes(alone)["embedded"] is Outcome.USED
    assert beside.local_model is None
    assert outcomes(beside)["embedded"] is Outcome.AVAILABLE


def test_models_that_do_not_chat_are_never_chosen() -> None:
    """Embedding, guard and speech models answer nobody."""
    assert choose_model(("qwen3-embedding", "Qwen3Guard-Gen-0.6B", "qwen3-asr")) is None
    assert choose_model(("qwen3-embedding", "llama3")) == "llama3"
    assert choose_model(()) is None


async def test_a_list_without_end_is_cut_off() -> None:
    """A server that lists models for ever is no model server, within its time."""
    async with ScriptedQwen() as server:
        server.instead = endless
        answer = await ask_models(server.base_url, within=timedelta(seconds=2))

    assert answer.problem == "It is no model server."


async def test_a_server_that_hangs_costs_its_time_only() -> None:
    """A probe ends when its time is over."""
    async with ScriptedQwen() as server:
        server.instead = hang
        answer = await ask_models(server.base_url, within=timedelta(milliseconds=100))

    assert answer.problem == "The model server does not answer in time."
