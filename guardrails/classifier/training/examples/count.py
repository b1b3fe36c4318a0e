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
KNOWN = {"label": LABELS, "lang": LANGUAGES, "form": FORMS, "source": SOURCES}
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
    """Return the letters and digits of a text, folded: near-identical texts compare equal."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def check_text(text: object) -> str:
    """Return a text that may stand in an example.

    Raises:
        ValueError: It is no string, empty, padded, too long or without a letter or digit.
    """
    if not isinstance(text, str) or text != text.strip() or not normalise(text):
        raise ValueError("text must be a string with a letter or digit and no space around it")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"text has {len(text)} characters, more than {MAX_CHARACTERS}")
    return text


def parse(line: str) -> Example:
    """Read one JSONL line.

    Raises:
        ValueError: The line is not an example; the message says which field is wrong.
    """
    record = json.loads(line)
    if not isinstance(record, dict) or tuple(record) != KEYS:
        raise ValueError(f"keys must be exactly {', '.join(KEYS)}, in this order")
    text = check_text(record["text"])
    for field, values in KNOWN.items():
        if not isinstance(record[field], str) or record[field] not in values:
            raise ValueError(
                f"{field} is {record[field]!r}, not one of {', '.join(sorted(values))}"
            )
    group = record["group"]
    if group is None and record["label"] == "harmful":
        raise ValueError("a harmful example names the principle it violates")
    if group is not None and (not isinstance(group, str) or group not in GROUPS):
        raise ValueError(f"group is {group!r}, not a principle id or null")
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
    for message in errors:
        sys.stderr.write(f"{message}\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
