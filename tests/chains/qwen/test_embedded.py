import asyncio
import json
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from chains.errors import ModelUnavailableError
from chains.qwen import embedded
from chains.qwen.chat import ChatQwen
from chains.qwen.embedded import EmbeddedQwen
from chains.qwen.probe import ask_models
from chains.qwen.settings import ModelSettings
from chains.qwen.weights import LocalModel
from tests.fakes.tiny_qwen import NAME, write_tiny_qwen


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A tiny Qwen3 with random weights."""
    return LocalModel(NAME, write_tiny_qwen(tmp_path_factory.mktemp("tiny-qwen")))


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


@pytest.mark.llama
async def test_an_answer_streams_from_a_gguf_file(tiny: LocalModel) -> None:
    """The whole way: file, child process, HTTP, windows; and the model can be stopped."""
    server = EmbeddedQwen(tiny, context=1024, threads=1)
    async with server as endpoint:
        assert (endpoint.source, endpoint.model) == ("embedded", NAME)
        model = ChatQwen.at(endpoint, ModelSettings(max_tokens=40, temperature=0.5))

        chunks = [chunk async for chunk in model.astream("hello there")]
        again = await model.ainvoke("hello there")
        listed = await ask_models(
            endpoint.base_url, within=timedelta(seconds=2), key=endpoint.api_key
        )
        stream = model.astream("hello")
        assert isinstance(stream, AsyncGenerator)
        async with aclosing(stream):
            await anext(stream)
        await model.aclose()

    text = "".join(str(chunk.content) for chunk in chunks)
    assert len(text.split()) > 10
    assert text.replace(" ", "").isascii()
    assert chunks[-1].response_metadata["finish_reason"] in ("length", "stop")
    assert chunks[-1].usage_metadata is not None
    assert 0 < chunks[-1].usage_metadata["output_tokens"] <= 40
    assert again.content
    assert (listed.models, listed.source) == ((NAME,), "llama.cpp")


@pytest.mark.llama
async def test_nobody_else_may_use_it(tiny: LocalModel) -> None:
    """Without its key the server answers no chat: web pages of this machine's browser have none."""
    async with (
        EmbeddedQwen(tiny, context=512, threads=1) as endpoint,
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint.base_url}/chat/completions", json={"messages": []}) as answer,
    ):
        assert answer.status == 401


@pytest.mark.llama
async def test_it_ends_when_told(tiny: LocalModel) -> None:
    """`stop` takes less than a second and leaves no process; stopping twice is harmless."""
    server = EmbeddedQwen(tiny, context=512, threads=1)
    await server.start()
    assert server._process is not None
    pid = server._process.pid
    loop = asyncio.get_running_loop()
    start = loop.time()

    await server.stop()
    await server.stop()

    assert loop.time() - start < 3
    assert not is_running(pid)
    assert await server.wait() == 0


@pytest.mark.llama
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_it_ends_when_its_parent_is_killed(tiny: LocalModel) -> None:
    """A parent that is killed has no time to stop its children; they notice."""
    script = (
        "import asyncio, sys, pathlib\n"
        "from chains.qwen.embedded import EmbeddedQwen\n"
        "from chains.qwen.weights import LocalModel\n"
        "async def main():\n"
        "    server = EmbeddedQwen(LocalModel('tiny', pathlib.Path(sys.argv[1])),"
        " context=512, threads=1)\n"
        "    await server.start()\n"
        "    print(server._process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(tiny.path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert is_running(pid)

    parent.kill()
    await parent.wait()

    async with asyncio.timeout(2):
        while is_running(pid):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.01)


@pytest.mark.llama
@pytest.mark.parametrize("end", [signal.SIGTERM, "stdin"])
async def test_the_child_ends_by_itself(tiny: LocalModel, end: signal.Signals | str) -> None:
    """SIGTERM, and the end of its stdin, end it within a second; Ctrl-C alone does not."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chains.qwen.embedded_server", "--model", str(tiny.path)),
        *("--context", "512", "--threads", "1"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    ready = json.loads(await child.stdout.readline())
    assert ready["pid"] == child.pid
    assert ready["base_url"].startswith("http://127.0.0.1:")

    child.send_signal(signal.SIGINT)
    await asyncio.sleep(0.1)
    assert child.returncode is None
    if isinstance(end, signal.Signals):
        child.send_signal(end)
    else:
        child.stdin.close()

    async with asyncio.timeout(1):
        await child.wait()


@pytest.mark.llama
async def test_a_damaged_file_is_told(tiny: LocalModel, tmp_path: Path) -> None:
    """Half a file is an error in one sentence, and no process is left."""
    half = tmp_path / "half.gguf"
    half.write_bytes(tiny.path.read_bytes()[:300_000])

    with pytest.raises(ModelUnavailableError, match=r"half\.gguf cannot be loaded: it is damaged"):
        await EmbeddedQwen(LocalModel("half", half)).start()


async def test_what_is_no_model_is_not_even_tried(tmp_path: Path) -> None:
    """A missing file and a text are told without starting anything."""
    text = tmp_path / "text.gguf"
    text.write_text("hello")

    with pytest.raises(ModelUnavailableError, match="covenant model fetch"):
        await EmbeddedQwen(LocalModel("x", tmp_path / "missing.gguf")).start()
    with pytest.raises(ModelUnavailableError, match="no GGUF file"):
        await EmbeddedQwen(LocalModel("x", text)).start()


@pytest.mark.llama
async def test_short_memory_is_told(
    tiny: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory is shorter than the file, that is what a failure means."""
    half = tmp_path / "half.gguf"
    half.write_bytes(tiny.path.read_bytes()[:300_000])
    monkeypatch.setattr(embedded, "_available_memory", lambda: 100_000)

    with pytest.raises(ModelUnavailableError, match=r"not enough memory for half\.gguf"):
        await EmbeddedQwen(LocalModel("half", half)).start()


async def test_loading_has_a_deadline(tiny: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never gets ready is stopped."""
    monkeypatch.setattr(sys, "executable", "/bin/cat")
    monkeypatch.setattr(EmbeddedQwen, "_ready", lambda self, process: asyncio.sleep(5))
    server = EmbeddedQwen(tiny, deadline=timedelta(milliseconds=100))

    with pytest.raises(ModelUnavailableError, match="was not loaded within"):
        await server.start()

    assert server._process is None


async def test_a_child_that_ignores_sigterm_is_killed(
    tiny: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping ends, whatever the child does."""
    monkeypatch.setattr(embedded, "_STOP_WITHIN", 0.1)
    server = EmbeddedQwen(tiny)
    server._process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c"),
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True);"
        " time.sleep(60)",
        stdout=asyncio.subprocess.PIPE,
    )
    process = server._process
    assert process.stdout is not None
    await process.stdout.readline()

    await server.stop()

    assert process.returncode == -signal.SIGKILL


def test_memory_is_known_or_it_is_not() -> None:
    """On Linux it is told in bytes."""
    available = embedded._available_memory()

    assert available is None or available > 1_000_000


def test_the_tiny_model_is_tiny(tiny: LocalModel) -> None:
    """The file of these tests is small, as promised."""
    assert tiny.path.stat().st_size < 2_000_000
