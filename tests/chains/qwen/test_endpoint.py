import pytest
from pydantic import SecretStr

from chains.qwen.endpoint import Endpoint, Source, is_loopback, is_qwen
from chains.qwen.keys import SingleKey
from chains.qwen.thinking import ThinkingStyle


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8001/v1", True),
        ("http://127.8.9.1/v1", True),
        ("http://[::1]:8001/v1", True),
        ("http://localhost/v1", True),
        ("http://qwen.localhost/v1", True),
        ("http://10.0.0.1/v1", False),
        ("https://localhost.example.com/v1", False),
        ("nonsense", False),
    ],
)
def test_this_machine_is_recognised(url: str, *, loopback: bool) -> None:
    """Proxies and deadlines depend on whether a server is here."""
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("source", "url", "style"),
    [
        ("dashscope", "https://host/v1", ThinkingStyle.DASHSCOPE),
        ("ollama", "http://host/v1", ThinkingStyle.EFFORT),
        ("vllm", "http://host/v1", ThinkingStyle.TEMPLATE),
        ("llama.cpp", "http://host/v1", ThinkingStyle.TEMPLATE),
        ("embedded", "http://host/v1", ThinkingStyle.TEMPLATE),
        ("configured", "https://dashscope-us.aliyuncs.com/v1", ThinkingStyle.DASHSCOPE),
        ("configured", "http://nas:11434/v1", ThinkingStyle.EFFORT),
        ("configured", "http://host/v1", ThinkingStyle.BOTH),
    ],
)
def test_the_style_follows_the_server(source: Source, url: str, style: ThinkingStyle) -> None:
    """How thinking is switched is known from where the model was found."""
    assert Endpoint(url, "qwen", None, source).style is style


def test_a_configured_style_wins() -> None:
    """Whoever knows better says so."""
    endpoint = Endpoint("http://h/v1", "q", None, "ollama", ThinkingStyle.PROMPT)

    assert endpoint.style is ThinkingStyle.PROMPT


def test_an_endpoint_shows_its_host_and_no_key() -> None:
    """People are told host and port, and nothing shows the key."""
    endpoint = Endpoint("http://host:1/v1", "qwen", SecretStr("SECRET"))

    assert endpoint.host == "host:1"
    assert "SECRET" not in repr(endpoint)
    assert endpoint.with_model("other").model == "other"
    assert endpoint.with_model("other").api_key == SecretStr("SECRET")


@pytest.mark.parametrize(
    ("name", "qwen"),
    [("Qwen/Qwen3-8B", True), ("qwen3:8b", True), ("QwQ-32B", True), ("llama3", False)],
)
def test_a_qwen_is_known_by_its_name(name: str, *, qwen: bool) -> None:
    """In any spelling that servers use."""
    assert is_qwen(name) is qwen


def test_a_single_key_stays() -> None:
    """There is no other key to turn to when one is refused."""
    keys = SingleKey(SecretStr("a"))
    keys.refused(SecretStr("a"))

    assert keys.current() == SecretStr("a")
    assert SingleKey(None).current() is None
