"""Thinking models: switching it on and off, and telling reasoning from the answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkingStyle(StrEnum):
    """How an endpoint is told whether to think."""

    AUTO = "auto"
    """By what is known of the endpoint."""
    DASHSCOPE = "dashscope"
    """``enable_thinking`` in the request (Alibaba Cloud Model Studio)."""
    TEMPLATE = "template"
    """``chat_template_kwargs.enable_thinking`` (vLLM, SGLang, llama.cpp)."""
    EFFORT = "effort"
    """``reasoning_effort: "none"`` (Ollama's OpenAI route knows no other switch)."""
    BOTH = "both"
    """DASHSCOPE and TEMPLATE together, for servers of an unknown kind, which ignore one of them."""
    PROMPT = "prompt"
    """``/no_think`` at the end of the person's message (the first Qwen3 models)."""
    NONE = "none"
    """No switch: the model does what it does."""


def thinking_fields(style: ThinkingStyle, *, thinking: bool) -> dict[str, object]:
    """The request fields that switch thinking on or off in this style."""
    match style:
        case ThinkingStyle.DASHSCOPE:
            return {"enable_thinking": thinking}
        case ThinkingStyle.TEMPLATE:
            return {"chat_template_kwargs": {"enable_thinking": thinking}}
        case ThinkingStyle.BOTH:
            return {
                "enable_thinking": thinking,
                "chat_template_kwargs": {"enable_thinking": thinking},
            }
        case ThinkingStyle.EFFORT:
            # Models that can think do so unless told otherwise; others refuse to be told to.
            return {} if thinking else {"reasoning_effort": "none"}
        case _:
            return {}


@dataclass(slots=True)
class ThinkSplitter:
    """Separates a ``<think>`` block at the start of an answer from the answer.

    Tags later in the text are the answer's own words. The text may be cut anywhere, also inside a
    tag. Blank space around the block belongs to neither side.
    """

    inside: bool = False
    """Whether the text begins inside a block: some chat templates write the opening tag."""
    _place: Literal["start", "inside", "after", "outside"] = "start"
    _held: str = ""
    _blank: bool = True
    """Whether nothing but blank space has been seen where we are."""

    def __post_init__(self) -> None:
        if self.inside:
            self._place = "inside"

    def feed(self, text: str) -> tuple[str, str]:
        """Add text; return what of the reasoning and what of the answer is certain now."""
        if self._place == "outside":
            return "", text
        self._held += text
        reasoning = ""
        if self._place == "start":
            self._leave_start()
        if self._place == "inside":
            reasoning = self._take_reasoning()
        if self._place == "after":
            self._held = self._held.lstrip()
            if self._held:
                self._place = "outside"
        return reasoning, self._take_held() if self._place == "outside" else ""

    def end(self) -> tuple[str, str]:
        """Return what was held back, at the end of the text."""
        held = self._take_held()
        return (held, "") if self._place == "inside" else ("", held)

    def separated(self) -> None:
        """Learn that the server separates the reasoning itself, so the text is the answer's."""
        if self._place == "inside" and self._blank:
            self._place = "start"

    def _leave_start(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(_OPEN):
            self._place, self._held = "inside", begun[len(_OPEN) :]
        elif not _OPEN.startswith(begun):
            self._place = "outside"

    def _take_reasoning(self) -> str:
        reasoning, tag, after = self._held.partition(_CLOSE)
        if tag:
            self._place, self._held = "after", after
        else:
            keep = _tail_that_may_begin(_CLOSE, reasoning)
            cut = len(reasoning) - keep
            reasoning, self._held = reasoning[:cut], reasoning[cut:]
        if self._blank:
            reasoning = reasoning.lstrip()
            self._blank = not reasoning
        return reasoning

    def _take_held(self) -> str:
        held, self._held = self._held, ""
        return held


def _tail_that_may_begin(tag: str, text: str) -> int:
    """Length of the longest end of `text` that is a beginning of `tag`."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return length
    return 0
