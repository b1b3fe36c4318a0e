"""Gathering blocks under the headings above them, as loaders come across them."""

from chains.knowledge.document import Block, Section


class Sections:
    """Sections as they are read; the first top heading is the document's title, not a section's."""

    def __init__(self) -> None:
        self.title: str | None = None
        self._path: list[tuple[int, str]] = []
        self._blocks: list[Block] = []
        self._done: list[Section] = []

    def heading(self, level: int, text: str) -> None:
        """Begin a section.

        Args:
            level: From 1, the outermost.
            text: The heading; an empty one changes nothing.
        """
        if not text:
            return
        self._close()
        if level == 1 and self.title is None:
            self.title, self._path = text, []
            return
        self._path = [(above, name) for above, name in self._path if above < level]
        self._path.append((level, text))

    def add(self, block: Block) -> None:
        """Add a block to the section that was begun last."""
        if block.text.strip():
            self._blocks.append(block)

    def closed(self) -> tuple[Section, ...]:
        """Everything that was read."""
        self._close()
        return tuple(self._done)

    def _close(self) -> None:
        if self._blocks:
            names = tuple(name for _, name in self._path)
            self._done.append(Section(tuple(self._blocks), names))
            self._blocks = []
