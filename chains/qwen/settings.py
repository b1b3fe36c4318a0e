"""Which Qwen answers, and how long it may take: plain data, filled in by whoever builds the chain.

Durations are `timedelta`s; read from text they are seconds (``90``) or ISO 8601 (``PT1M30S``).
"""

from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from chains.qwen.thinking import ThinkingStyle

Positive = Annotated[timedelta, Field(gt=timedelta(0))]


def _base_url(value: str) -> str:
    """Check the address of an OpenAI-compatible server, and drop what is no part of it."""
    value = value.strip().rstrip("/").removesuffix("/chat/completions")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a URL such as http://localhost:8001/v1")
    if parts.username or parts.password:
        raise ValueError("must hold no user name or password: the key has a setting of its own")
    if parts.query or parts.fragment:
        raise ValueError("must hold no query: give the address that ends in /v1")
    # Everybody forgets it once, and no server answers chats at its root.
    return value if parts.path else f"{value}/v1"


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""Address of an OpenAI-compatible server, usually ending in ``/v1``."""


class Deadlines(BaseModel):
    """How long a model may take. Each ends in an error of `chains.errors`, never in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connect: Positive = timedelta(seconds=3)
    """To open a connection, TLS included."""
    first_token: Positive = timedelta(seconds=20)
    """From the request to the first token, wherever the time goes."""
    first_token_local: Positive = timedelta(seconds=90)
    """The same for a server on this machine, which may read a long prompt on a laptop's CPU."""
    stall: Positive = timedelta(seconds=10)
    """Between two tokens."""
    total: Positive = timedelta(minutes=4)
    """For the whole answer."""


class ModelSettings(BaseModel):
    """The model that answers. Left empty, one is looked for (`chains.qwen.discovery`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: BaseUrl | None = None
    """OpenAI-compatible server, such as ``http://localhost:8001/v1``."""
    name: str | None = Field(default=None, min_length=1)
    """The model as its server names it; the server's first Qwen where it is not set."""
    api_key: SecretStr | None = None
    discover: bool = True
    """Whether model servers on this machine are looked for where none is configured."""
    secondary_base_url: BaseUrl | None = None
    """Server of the faster model that answers when the first does not; the same if not set."""
    secondary_name: str | None = Field(default=None, min_length=1)
    """That model's name. There is no secondary model where it is not set."""
    secondary_api_key: SecretStr | None = None
    """Its key; the first one's if neither this nor `secondary_base_url` is set."""
    max_tokens: int = Field(default=1024, ge=1, le=131_072)
    """Longest answer, in tokens."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    top_p: float = Field(default=0.8, gt=0, le=1)
    thinking_style: ThinkingStyle = ThinkingStyle.AUTO
    """How the server is told whether to think."""
    deadlines: Deadlines = Deadlines()
    hold: timedelta = Field(default=timedelta(milliseconds=300), ge=timedelta(0))
    """Text that ends with a word waits at most this long for its sentence to end. Slow models
    would look frozen otherwise."""

    @model_validator(mode="after")
    def _key_needs_address(self) -> Self:
        if self.secondary_base_url is not None and self.secondary_name is None:
            raise ValueError("secondary_base_url needs secondary_name")
        return self
