"""Every setting of the service, read from the environment in this one place.

All names start with ``COVENANT_``; a setting of a group is written with two underscores, as in
``COVENANT_SESSION__IDLE=PT30M``. Durations are seconds (``90``) or ISO 8601 (``PT15M``). Nothing is
read at import: call `load_settings`.
"""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as SourceError
from typing_extensions import override

from chains.qwen.settings import ModelSettings
from chains.settings import ChainSettings
from chains.usage import PriceTable
from guardrails.verdict import Strictness

PREFIX = "COVENANT_"
_DELIMITER = "__"
_NUMBER = re.compile(r"\d+(\.\d+)?")


class SettingsError(ValueError):
    """A setting is unknown or wrong. The message names the variable, never its value."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EndpointSettings(_Group):
    """A model server of its own for one purpose; left empty, the main model serves."""

    base_url: str | None = None
    name: str | None = None
    api_key: SecretStr | None = None


class LimitSettings(_Group):
    """What one request may ask for."""

    enabled: bool = True
    """Whether rate limits apply. Budgets, bounds and rails always do."""
    context_chars: int = Field(default=4000, ge=0, le=200_000)
    """Longest context a client may add to a session or message, in characters."""
    body_bytes: int = Field(default=512 * 1024, ge=1024)
    """Largest request body, in bytes."""


class SessionSettings(_Group):
    """How long a conversation and its tokens live."""

    idle: timedelta = Field(default=timedelta(hours=2), gt=timedelta(0))
    """A session unused for this long is erased."""
    lifetime: timedelta = Field(
        default=timedelta(hours=12), gt=timedelta(0), le=timedelta(hours=12)
    )
    """Every session is erased this long after its start, used or not."""
    token_ttl: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0))
    """How long one token is good before it must be refreshed."""
    max_exchanges: int = Field(default=200, ge=1, le=2000)
    """Exchanges a session remembers; the oldest are forgotten first."""


class RunSettings(_Group):
    """How runs behave when clients come, go and come back."""

    grace: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0))
    """How long a run goes on when nobody watches it any more."""
    replay: timedelta = Field(default=timedelta(minutes=10), gt=timedelta(0))
    """How long a finished run's events can be read again."""
    deadline: timedelta = Field(default=timedelta(minutes=5), gt=timedelta(0))
    """Longest run; it then ends as failed."""
    flush: timedelta = Field(default=timedelta(milliseconds=100), gt=timedelta(0))
    """Events reach other workers at most this long after they happened."""
    max_events: int = Field(default=5000, ge=100)
    """Events kept of one run; a run that makes more ends as failed."""
    ping: timedelta = Field(default=timedelta(seconds=15), gt=timedelta(0))
    """Silence after which a stream says that it is alive."""
    send_timeout: timedelta = Field(default=timedelta(seconds=60), gt=timedelta(0))
    """A reader that takes nothing for this long is disconnected; it may resume."""
    drain: timedelta = Field(default=timedelta(seconds=20), ge=timedelta(0))
    """After SIGTERM, how long running answers may still take to finish."""


class RecordSettings(_Group):
    """How long durable records are kept."""

    appeals: timedelta = Field(default=timedelta(days=30), gt=timedelta(0))
    feedback: timedelta = Field(default=timedelta(days=90), gt=timedelta(0))


class MetricsSettings(_Group):
    """Prometheus metrics."""

    public: bool = False
    """Whether ``/metrics`` answers on the public listener, and not to loopback alone."""


class FlagSettings(_Group):
    """Feature flags as they are at start."""

    strictness: Strictness = Strictness.BALANCED


class _Environment(EnvSettingsSource):
    """The environment, where a duration may also be written as a plain number of seconds."""

    @override
    def __call__(self) -> dict[str, Any]:
        return _seconds(self.settings_cls, super().__call__())


class Settings(BaseSettings):
    """The settings of one service process. Every one has a default that works."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=_DELIMITER,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 lets the system choose."""
    workers: int = Field(default=1, ge=1, le=256)
    """Service processes."""
    redis_url: SecretStr | None = None
    """Conversations (volatile). None: an embedded Redis that never writes to disk."""
    records_url: SecretStr | None = None
    """What must last: appeals, feedback, revocations. None: an embedded Redis with a log file."""
    data_dir: Path = Path(".covenant")
    """Keys, index, records and downloads; by default beside the project, so that everything
    Covenant ever wrote is in one folder that can be deleted."""
    config_dir: Path | None = None
    """Another ``guardrails/config``."""
    knowledge_dir: Path | None = None
    """Another ``knowledge``."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Web origins that may call the API from a browser, separated by commas; none by default."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe lines of the log."""
    local_model: str | None = None
    """What the embedded llama.cpp serves: a name of `covenant model list`, or a GGUF's path."""
    model_mirror: str | None = None
    """A model hub laid out like https://huggingface.co, asked instead of the public ones."""
    dashscope_api_key: SecretStr | None = Field(default=None, validation_alias="DASHSCOPE_API_KEY")
    """Set alone, Qwen is used at DashScope."""

    model: ModelSettings = ModelSettings()
    guard: EndpointSettings = EndpointSettings()
    """The judge's own server, such as one that serves Qwen3Guard."""
    embeddings: EndpointSettings = EndpointSettings()
    chain: ChainSettings = ChainSettings()
    prices: PriceTable = PriceTable()
    """What tokens cost, as JSON; a model that is not listed has an unknown price, not none."""
    limits: LimitSettings = LimitSettings()
    session: SessionSettings = SessionSettings()
    runs: RunSettings = RunSettings()
    records: RecordSettings = RecordSettings()
    metrics: MetricsSettings = MetricsSettings()
    flags: FlagSettings = FlagSettings()

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # One source of truth: no .env file or secrets folder is read behind anybody's back.
        return init_settings, _Environment(settings_cls)


def load_settings() -> Settings:
    """Read the settings from the process's environment.

    Raises:
        SettingsError: One sentence a problem, naming the variable and never its value.
    """
    problems = [_unknown(name) for name in os.environ if not _is_known(name)]
    if problems:
        raise SettingsError("\n".join(problems))
    try:
        return Settings()
    except ValidationError as error:
        # `from None`: a cause would carry the values into a traceback.
        raise SettingsError("\n".join(_sentences(error))) from None
    except SourceError as error:
        name = re.search(r'field "(\w+)"', str(error))
        variable = PREFIX + name[1].upper() if name else "A setting"
        raise SettingsError(f"{variable} must be valid JSON.") from None


def variables() -> tuple[str, ...]:
    """Every variable `load_settings` understands, in the order of the fields."""
    return tuple(_variables(Settings, PREFIX))


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.validation_alias, str):
            yield field.validation_alias
            continue
        variable = prefix + name.upper()
        yield variable
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            yield from _variables(group, variable + _DELIMITER)


def _seconds(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Turn the text of numbers into numbers where `model` wants a duration."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        wanted = model.model_fields[name].annotation if name in model.model_fields else None
        if isinstance(value, dict) and isinstance(wanted, type) and issubclass(wanted, BaseModel):
            found[name] = _seconds(wanted, value)
        elif wanted is timedelta and isinstance(value, str) and _NUMBER.fullmatch(value):
            found[name] = float(value)
        else:
            found[name] = value
    return found


def _is_known(name: str) -> bool:
    return not name.upper().startswith(PREFIX) or name.upper() in variables()


def _unknown(name: str) -> str:
    guess = get_close_matches(name.upper(), variables(), n=1)
    hint = f" Did you mean {guess[0]}?" if guess else ""
    return f"{name} is not a setting of Covenant.{hint}"


def _sentences(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        path = [str(part).upper() for part in problem["loc"]]
        variable = path[0] if path[0] == "DASHSCOPE_API_KEY" else PREFIX + _DELIMITER.join(path)
        if problem["type"] == "extra_forbidden":
            yield _unknown(variable)
        else:
            reason = problem["msg"].removeprefix("Input ").removeprefix("Value error, ")
            yield f"{variable}: {reason[0].lower()}{reason[1:]}."
