"""Cutting a stream of text into the windows that rails check.

The unit of the stream is the checked window, not the token: text is released per window anyway,
so everything downstream costs per window.
"""

import re
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"[.!?…](?=[\s\"'”’)\]])|[。！？；…]|\n")  # noqa: RUF001 - Chinese stops
_BREAK = re.compile(r"[\s,，、:：;]")  # noqa: RUF001 - Chinese punctuation breaks words too


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

    def flush(self) -> str:
        """Return what is left at the end of the text."""
        window, self._pending = self._pending, ""
        return window

    def _word_end(self) -> int:
        for index in range(len(self._pending) - 1, 0, -1):
            if _BREAK.match(self._pending, index):
                return index + 1
        return len(self._pending)
