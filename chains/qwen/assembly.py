"""Merges the deltas of one answer into windows: no sockets, no clock."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chains.qwen.deltas import Delta
from chains.qwen.thinking import ThinkSplitter
from guardrails.windows import Windows

_CHARS_PER_TOKEN = 64
"""More characters than a tokenizer makes of a token, long runs of blanks apart."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of an answer: text, or reasoning, or an event with tool calls."""

    content: str = field(default="", repr=False)
    reasoning: str = field(default="", repr=False)
    raw: dict[str, Any] | None = field(default=None, repr=False)


class Assembly:
    """The windows of one answer, as its deltas come in.

    Args:
        stride: Most characters of a window, where words allow.
        max_tokens: Where an answer is cut that does not end by itself.
        thinking: Whether reasoning becomes windows; otherwise it is dropped.
        think_first: Whether the text begins inside a think block without an opening tag.
    """

    def __init__(
        self, *, stride: int, max_tokens: int, thinking: bool, think_first: bool = False
    ) -> None:
        self._stride = stride
        self._max_tokens = max_tokens
        self._thinking = thinking
        self._splitter = ThinkSplitter(inside=think_first)
        self._content = Windows(stride)
        self._reasoning = Windows(stride)
        self.ready: deque[Window] = deque()
        """Windows that can be handed out, oldest first."""
        self.finish_reason: str | None = None
        """Why the answer ended; None while it goes on."""
        self.model: str | None = None
        """The model that answers, as the server names it."""
        self.usage: dict[str, Any] | None = None
        """The server's token counts, if it gave any."""
        self.deltas = 0
        """Deltas that held text, so far: the answer has at least as many tokens."""
        self._chars = 0

    @property
    def waiting(self) -> bool:
        """Whether text waits for its window to end."""
        return bool(self._content.pending or self._reasoning.pending)

    @property
    def excessive(self) -> bool:
        """Whether the server ignores the bound on the answer's length."""
        # Reasoning and answer may each have the bound to themselves.
        return self.deltas > 2 * self._max_tokens or self._chars >= self._max_chars

    def add(self, delta: Delta) -> bool:
        """Merge a delta; True if it held text, reasoning or a tool call."""
        if delta.usage:
            self.usage = delta.usage
        if delta.finish_reason:
            self.finish_reason, self.model = delta.finish_reason, delta.model
        if delta.raw is not None:
            self.ready.append(Window(raw=delta.raw))
        if not (delta.content or delta.reasoning):
            return delta.raw is not None
        self.deltas += 1
        room = self._max_chars - self._chars
        self._chars += len(delta.content) + len(delta.reasoning)
        reasoning, content = delta.reasoning[:room], delta.content[:room]
        if reasoning:
            self._splitter.separated()
        thought, content = self._splitter.feed(content)
        self._feed(reasoning + thought, content)
        return True

    def cut(self) -> bool:
        """Make a window of the words that wait; False if not one word has ended."""
        reasoning, content = self._reasoning.cut(), self._content.cut()
        self._hand_out(reasoning, content)
        return bool(reasoning or content)

    def end(self) -> Iterator[Window]:
        """Hand out everything that is left, at the end of the answer."""
        self._feed(*self._splitter.end())
        self._hand_out(self._reasoning.flush(), self._content.flush())
        while self.ready:
            yield self.ready.popleft()

    @property
    def _max_chars(self) -> int:
        return _CHARS_PER_TOKEN * self._max_tokens

    def _feed(self, reasoning: str, content: str) -> None:
        if reasoning and self._thinking:
            for piece in self._pieces(reasoning):
                self._hand_out(self._reasoning.feed(piece), "")
        if content:
            self._hand_out(self._reasoning.flush(), "")
            for piece in self._pieces(content):
                self._hand_out("", self._content.feed(piece))

    def _pieces(self, text: str) -> Iterator[str]:
        """Cut a delta so long that its window would be too."""
        if len(text) <= self._stride:
            yield text
            return
        for start in range(0, len(text), self._stride):
            yield text[start : start + self._stride]

    def _hand_out(self, reasoning: str, content: str) -> None:
        if reasoning:
            self.ready.append(Window(reasoning=reasoning))
        if content:
            self.ready.append(Window(content=content))
