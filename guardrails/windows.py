"""Cutting a stream of text into the windows that rails check.

The unit of the stream is the checked window, not the token: text is released per window anyway,
so everything downstream costs per window.
"""

import re
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"[.!?…](?=[\s\"'”’)\]])|[。！？；…]|\n")  # noqa: RUF001 - Chinese stops
_BREAK = re.compile(r"[\s,，、:：;]")  # noqa: RUF001 - Chinese punctuation breaks words too

_FIRST_CJK = "\u2e80"


@dataclass(slots=True)
class Windows:
    """Cuts text into windows that end at sentence ends where possible.

    A window ends after the last sentence end seen so far; where a sentence runs longer than
    `stride`, after the last word that fits. No text is lost: the windows joined are the text fed.
    """

    stride: int
    """Most characters a window waits for before it is cut inside a sentence."""
    _pending: str = ""

    def feed(self, text: str) -> str:
        """Add text; return the window that is ready now, or an empty string."""
        self._pending += text
        end = 0
        for match in _SENTENCE_END.finditer(self._pending):
            end = match.end()
        if end:
            # Keep the blank after a stop with its sentence, so that the next window starts clean.
            while end < len(self._pending) and self._pending[end].isspace():
                end += 1
        elif len(self._pending) >= self.stride:
            end = self._word_end()
        window, self._pending = self._pending[:end], self._pending[end:]
        return window

    @property
    def pending(self) -> int:
        """Characters that wait for their window to end."""
        return len(self._pending)

    def cut(self) -> str:
        """Return what waits up to its last word end, though no sentence ended there.

        For models so slow that a reader would wait long for a sentence. Empty where not one word
        has ended.
        """
        end = self._last_break()
        for index in range(len(self._pending), end, -1):
            if self._pending[index - 1] >= _FIRST_CJK:  # each Chinese character may end a word
                end = index
                break
        window, self._pending = self._pending[:end], self._pending[end:]
        return window

    def flush(self) -> str:
        """Return what is left at the end of the text."""
        window, self._pending = self._pending, ""
        return window

    def _word_end(self) -> int:
        return self._last_break(after=1) or len(self._pending)

    def _last_break(self, *, after: int = 0) -> int:
        """Position behind the last character from `after` on that ends a word; 0 without one."""
        for index in range(len(self._pending) - 1, after - 1, -1):
            if _BREAK.match(self._pending, index):
                return index + 1
        return 0
