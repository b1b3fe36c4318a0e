"""Validate the written examples and count them.

Run ``python count.py`` in this folder or give it another folder. It exits 1 when a line is wrong:
an unknown key, label, principle, language, form or source, a text that is empty or not stripped, or
a text that stands twice, after normalisation, in one file or across files (held-out ones included).
"""

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEYS = ("text", "label", "group", "lang", "form", "source")
LABELS = frozenset({"harmful", "benign"})
GROUPS = frozenset(
    {
        "no-weapons",
        "no-crime",
        "child-safety",
        "no-hate",
        "no-sexual-content",
        "self-harm-care",
        "privacy",
        "honesty",
        "no-professional-harm",
        "integrity",
        "identity",
        "no-malware",
    }
)
LANGUAGES = frozenset({"en", "zh"})
FORMS = frozenset(
    {
        "imperative",
        "question",
        "statement",
        "story",
        "wrapper",
        "injection",
        "document",
        "ordinary",
        "follow-up",
        "code",
    }
)
SOURCES = frozenset({"written"})
MAX_CHARACTERS = 1200


@dataclass(frozen=True, slots=True)
class Example:
    """One valid line: a text, its label and what is known about it."""

    text: str
    label: str
    group: str | None
    lang: str
    form: str


def normalise(text: str) -> str:
    """Return the letters and digits of a text, folded, so that near-identical texts compare equal."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def parse(line: str) -> Example:
    """Read one JSONL line.

    Raises:
        ValueError: The line is not an example; the message says which field is wrong.
    """
    record = json.loads(line)
    if not isinstance(record, dict) or tuple(record) != KEYS:
        message = f"keys must be exactly {', '.join(KEYS)}, in this order"
        raise ValueError(message)
    text = record["text"]
    if not isinstance(text, str) or not text or text != text.strip():
        message = "text must be a non-empty string without space around it"
        raise ValueError(message)
    if len(text) > MAX_CHARACTERS:
        message = f"text has {len(text)} characters, more than {MAX_CHARACTERS}"
        raise ValueError(message)
    if not normalise(text):
        message = "text has no letter or digit"
        raise ValueError(message)
    known = (("label", LABELS), ("lang", LANGUAGES), ("form", FORMS), ("source", SOURCES))
    for field, values in known:
        if record[field] not in values:
            message = f"{field} is {record[field]!r}, not one of {', '.join(sorted(values))}"
            raise ValueError(message)
    group = record["group"]
    if group is not None and group not in GROUPS:
        message = f"group is {group!r}, not a principle id or null"
        raise ValueError(message)
    if record["label"] == "harmful" and group is None:
        message = "a harmful example names the principle it violates"
        raise ValueError(message)
    return Example(text, record["label"], group, record["lang"], record["form"])


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line of a file."""
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            yield number, line.rstrip("\n")


def main(folder: Path) -> int:
    """Check every ``*.jsonl`` below a folder, print the counts, and return the exit status."""
    errors: list[str] = []
    first_seen: dict[str, str] = {}
    totals: Counter[tuple[str, str]] = Counter()
    paths = sorted(folder.rglob("*.jsonl"))
    if not paths:
        errors.append(f"{folder}: no example files")
    for path in paths:
        name = path.relative_to(folder).as_posix()
        counts: Counter[tuple[str, str]] = Counter()
        for number, line in lines(path):
            place = f"{name}:{number}"
            try:
                example = parse(line)
            except ValueError as error:
                errors.append(f"{place}: {error}")
                continue
            earlier = first_seen.setdefault(normalise(example.text), place)
            if earlier != place:
                errors.append(f"{place}: the same text as {earlier}")
            counts[example.lang, example.label] += 1
        totals += counts
        parts = [f"{lang} {label} {count}" for (lang, label), count in sorted(counts.items())]
        sys.stdout.write(f"{name:32} {counts.total():5}  {', '.join(parts)}\n")
    parts = [f"{lang} {label} {count}" for (lang, label), count in sorted(totals.items())]
    sys.stdout.write(f"{'all files':32} {totals.total():5}  {', '.join(parts)}\n")
    for error in errors:
        sys.stderr.write(f"{error}\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
