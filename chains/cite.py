"""Citations in a stream of text: marks made uniform, words tied to the passages they rest on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chains.events import Citation
from chains.marks import Code, Kind, Mark, read_mark, scan, tail_length
from chains.spans import begins_a_line, claim_before, claim_behind, opens_a_claim
from chains.turn import Passage


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


class Citations:
    """Follows an answer as it is released, and ties its claims to the passages they cite.

    Models write marks as `[1]`, `[1, 2]`, `[1-3]`, `[1][2]` or `【1】`; released is `[1][2]`, one
    form for every reader. A number that no passage has is dropped, so that each mark that is shown
    opens something; where all of a mark is dropped, so is the blank before it. In code and links
    brackets are left alone.

    However the text is cut into windows, what is released and what is cited are the same. Offsets
    count characters of the released text. A citation spans the words its mark stands for, without
    the mark: the sentence before it, as far back as the mark before; where a mark opens its
    sentence ("According to [1], ..."), the rest of that sentence.

    Args:
        passages: What may be cited, numbered from 1 in this order.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._ids = {n: passage.id for n, passage in enumerate(passages, start=1)}
        self._pending = ""
        self._read = 0
        self._released = 0
        self._shifts: list[tuple[int, int]] = []
        self._code = Code()
        self._last = ""
        self._segment = ""
        self._segment_start = 0
        self._previous: _Span | None = None
        self._waiting: list[int] = []
        self._before_line: _Span | None = None

    def feed(self, text: str) -> tuple[str, tuple[Citation, ...]]:
        """Add text.

        Returns:
            What can be released, which may leave out an end that could become a mark; and the
            citations it completes.
        """
        self._pending += text
        return self._advance(len(self._pending) - tail_length(self._pending), final=False)

    def flush(self) -> tuple[str, tuple[Citation, ...]]:
        """Release what was held back at the end of the text."""
        return self._advance(len(self._pending), final=True)

    def position(self, fed: int) -> int:
        """Where the character fed as number `fed` stands in the released text."""
        shift = 0
        for at, total in self._shifts:
            if at > fed:
                break
            shift = total
        return max(0, fed + shift)

    def _advance(self, end: int, *, final: bool) -> tuple[str, tuple[Citation, ...]]:
        released: list[str] = []
        citations: list[Citation] = []
        for kind, text in scan(self._pending, end):
            following = self._pending[len(text) : len(text) + 1]
            self._pending = self._pending[len(text) :]
            self._read += len(text)
            mark = None
            if kind is Kind.MARK and not self._code.inside:
                mark = read_mark(text, last=self._last, following=following)
            if mark is None:
                self._code.see(kind, text)
                self._say(text, released)
            else:
                citations.extend(self._cite(mark, following, released))
            citations.extend(self._settled(final=False))
        if final:
            citations.extend(self._settled(final=True))
        return "".join(released), tuple(citations)

    def _say(self, text: str, released: list[str]) -> None:
        released.append(text)
        self._released += len(text)
        self._segment += text
        self._last = text[-1:] or self._last

    def _cite(self, mark: Mark, following: str, released: list[str]) -> Iterator[Citation]:
        valid = [n for n in mark.numbers if n in self._ids]
        if not valid:
            self._drop(mark, following, released)
            return
        if begins_a_line(self._segment):
            yield from self._settled(final=True)
        span = self._claim()
        shown = mark.blank + "".join(f"[{n}]" for n in valid)
        self._say(shown, released)
        self._shift(mark, len(shown))
        self._segment, self._segment_start = "", self._released
        self._waiting.extend(valid)
        if span is not None:
            # Marks that opened the sentence stand for the same words.
            self._previous = span
            yield from self._cited(span)

    def _drop(self, mark: Mark, following: str, released: list[str]) -> None:
        if not self._ids and len(mark.numbers) > 1:
            self._say(mark.text, released)  # nothing can be cited: this is a list of numbers
            return
        kept = mark.blank if following.isalnum() else ""
        self._say(kept, released)
        self._shift(mark, len(kept))

    def _claim(self) -> _Span | None:
        """The words a mark that comes now stands for; None where they are still to come."""
        found = claim_before(self._segment)
        if found is not None:
            return self._span(found)
        if self._waiting:
            return None
        if opens_a_claim(self._segment):
            above = claim_before(self._segment.rstrip())
            self._before_line = self._span(above) if above else self._before_line or self._previous
            return None
        return self._previous

    def _settled(self, *, final: bool) -> Iterator[Citation]:
        """Citations of marks that opened a sentence, once it has ended."""
        found = claim_behind(self._segment, final=final) if self._waiting else None
        if found is not None:
            yield from self._cited(self._span(found))
        elif final and self._before_line is not None:
            # A line of marks alone, at the end: it stands for what was said last.
            yield from self._cited(self._before_line)

    def _cited(self, span: _Span) -> Iterator[Citation]:
        for n in dict.fromkeys(self._waiting):
            yield Citation(n=n, source_id=self._ids[n], start=span.start, end=span.end)
        self._waiting = []

    def _span(self, found: tuple[int, int]) -> _Span:
        return _Span(self._segment_start + found[0], self._segment_start + found[1])

    def _shift(self, mark: Mark, shown: int) -> None:
        total = (self._shifts[-1][1] if self._shifts else 0) + shown - len(mark.text)
        self._shifts.append((self._read, total))
