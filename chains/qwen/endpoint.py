"""Where a model is served."""

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from chains.qwen.thinking import ThinkingStyle

Source = Literal["configured", "dashscope", "ollama", "vllm", "llama.cpp", "embedded"]

_OLLAMA_PORT = 11434
_STYLES: dict[Source, ThinkingStyle] = {
    "dashscope": ThinkingStyle.DASHSCOPE,
    "ollama": ThinkingStyle.EFFORT,
    "vllm": ThinkingStyle.TEMPLATE,
    "llama.cpp": ThinkingStyle.TEMPLATE,
    "embedded": ThinkingStyle.TEMPLATE,
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at an OpenAI-compatible server."""

    base_url: str
    """Without a trailing slash, usually ending in ``/v1``; never holds a password."""
    model: str
    """The model as the server names it."""
    api_key: SecretStr | None = field(default=None, repr=False)
    source: Source = "configured"
    """How it was found."""
    thinking_style: ThinkingStyle = ThinkingStyle.AUTO

    @property
    def host(self) -> str:
        """Host and port, to name the server to people."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine: no proxy leads there, and CPUs are slow."""
        return is_loopback(self.base_url)

    @property
    def style(self) -> ThinkingStyle:
        """How this server is told whether to think."""
        if self.thinking_style is not ThinkingStyle.AUTO:
            return self.thinking_style
        if self.source in _STYLES:
            return _STYLES[self.source]
        parts = urlsplit(self.base_url)
        if (parts.hostname or "").endswith(".aliyuncs.com"):
            return ThinkingStyle.DASHSCOPE
        return ThinkingStyle.EFFORT if parts.port == _OLLAMA_PORT else ThinkingStyle.BOTH

    def with_model(self, model: str) -> "Endpoint":
        """The same server with another model."""
        return replace(self, model=model)


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_qwen(model: str) -> bool:
    """Whether a model's name says that it is a Qwen."""
    return "qwen" in model.casefold() or "qwq" in model.casefold()
