"""What a scripted Qwen says and how it misbehaves: plain data, loadable from a JSON file."""

import re
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

_TOKEN = re.compile(r"\s*[\u3400-\u9fff]{1,2}|\s*[^\s\u3400-\u9fff]{1,12}|\s+")

DEFAULT_TEXT = (
    "This is the scripted Qwen. It answers every question with the same three sentences. "
    "They are long enough to be cut into several windows, and they say nothing of interest."
)


class Fault(StrEnum):
    """How a reply goes wrong. `Reply.after` is the number of tokens sent before it does."""

    HANG = "hang"
    """Accepts the request and never answers."""
    SILENCE = "silence"
    """Status line and headers, then nothing."""
    DISCONNECT = "disconnect"
    """Closes the connection instead of answering."""
    STALL = "stall"
    """Stops for ever after `after` tokens."""
    RESET = "reset"
    """TCP RST after `after` tokens."""
    CUT = "cut"
    """FIN in the middle of the chunked body, after `after` tokens."""
    EOF = "eof"
    """A proper end of the body after `after` tokens: no finish_reason, no ``[DONE]``."""
    NO_DONE = "no_done"
    """The whole answer and its finish_reason, but no ``[DONE]``."""
    MALFORMED = "malformed"
    """A data line that is no JSON after `after` tokens; then the rest."""
    HTML = "html"
    """Status 200 with an HTML page, as a captive portal gives."""
    HALF_LINE = "half_line"
    """Half of token `after`'s line, and the other half 50 ms later."""
    BYTES = "bytes"
    """One byte at a time."""
    HUGE = "huge"
    """Token `after` is `size` bytes long."""
    EMPTY = "empty"
    """A stream that ends properly and holds no text."""
    ERROR = "error"
    """An error object in the stream after `after` tokens, then the end."""
    SPLIT = "split"
    """Every write ends inside a multibyte character where there is one."""
    CRLF = "crlf"
    """CRLF line ends, comments, ids, and data over several lines."""
    ENDLESS = "endless"
    """The text again and again, for ever."""


class Reply(BaseModel):
    """One answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default=DEFAULT_TEXT, repr=False)
    reasoning: str = Field(default="", repr=False)
    """Sent before the text as ``reasoning_content``, if the request leaves thinking on."""
    reasoning_field: str = "reasoning_content"
    """Name of that field (vLLM says ``reasoning``); ``"think"`` puts it into the text, in tags."""
    ttft: timedelta = timedelta()
    """Time from the request to the first token."""
    tokens_per_second: float = Field(default=0, ge=0)
    """Pace; 0 sends everything in one write."""
    finish_reason: str | None = "stop"
    usage: bool = True
    """Whether token counts are reported when they are asked for."""
    status: int = 200
    retry_after: str | None = None
    """Value of the ``Retry-After`` header."""
    error: str = "scripted failure"
    """Message of the error object, for other statuses than 200 and for `Fault.ERROR`."""
    fault: Fault | None = None
    after: int = Field(default=0, ge=0)
    size: int = Field(default=512 * 1024, ge=1)
    """Bytes of a huge token."""
    gap: timedelta = timedelta(milliseconds=1)
    """Time between two bytes of `Fault.BYTES`."""


class Rule(BaseModel):
    """When a reply is given: every condition that is set must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: str | None = None
    """Text the last user message contains, in any letter case."""
    regex: str | None = None
    """Pattern found in the last user message."""
    model: str | None = None
    """Text the model's name contains."""
    times: int | None = Field(default=None, ge=1)
    """How often the rule applies before later rules get their turn; None for always."""
    reply: Reply = Reply()

    def applies(self, text: str, model: str) -> bool:
        """Tell whether the rule answers `text` asked of `model`."""
        return (
            (self.match is None or self.match.casefold() in text.casefold())
            and (self.regex is None or re.search(self.regex, text) is not None)
            and (self.model is None or self.model in model)
        )


class Violation(BaseModel):
    """What the judges find in a text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: str
    """Text that is the violation, in any letter case."""
    principle: str = "no-weapons"
    """Principle id a constitutional judge names."""
    category: str = "Violent"
    """Category Qwen3Guard names."""
    safety: str = "Unsafe"
    """Qwen3Guard's level: ``Unsafe`` or ``Controversial``."""


class Script(BaseModel):
    """Everything a scripted Qwen knows; the first rule that applies answers."""

    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = Field(default_factory=list)
    otherwise: Reply = Reply()
    violations: list[Violation] = Field(default_factory=lambda: [Violation(match="[[violate]]")])
    judge: Reply = Reply(text="")
    """How judges answer: pace, status and faults count, the text is the verdict."""
    models: list[str] = Field(default_factory=lambda: ["qwen-scripted"])
    owned_by: str = "scripted"
    """``library`` for Ollama, ``vllm``, ``llamacpp``."""
    api_key: str | None = Field(default=None, repr=False)
    """Key that every request must bear; any or none where it is None."""
    unknown_fields: list[str] = Field(default_factory=list)
    """Request fields refused with status 400, as strict servers do."""


def tokens_of(text: str) -> list[str]:
    """Cut a text into pieces of about a token; joined they are the text."""
    return _TOKEN.findall(text)
