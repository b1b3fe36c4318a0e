"""Reading the files of a policy folder, and saying exactly where one is wrong."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from typing_extensions import override

Key = str | int
Place = tuple[Key, ...]
"""The way to a value: keys of mappings, indices of sequences."""

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a policy folder. Never quotes a text, only names and values of settings."""

    file: str
    """Relative to the policy folder."""
    line: int
    """From 1; 0 where the mistake has no line, such as a missing file."""
    what: str
    fix: str = ""

    @override
    def __str__(self) -> str:
        """``file:line: what. fix``, as compilers say it."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}" + (f" ({self.fix})" if self.fix else "")


class PolicyError(ValueError):
    """A policy folder that must not become active, with every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file: its value, and the line each part of it stands on."""

    file: str
    value: Any = field(repr=False)
    lines: dict[Place, int] = field(repr=False)

    def line(self, place: Place = ()) -> int:
        """The line of `place`, or of the nearest part around it that exists."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, what: str, fix: str = "") -> Problem:
        """A problem of this file at `place`."""
        return Problem(self.file, self.line(place), what, fix)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where built
    """YAML 1.2's booleans: ``off`` and ``no`` are words here, and `off` is a strictness."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read_yaml(folder: Path, file: str, problems: list[Problem]) -> Document | None:
    """Read one file of a policy folder.

    Args:
        folder: The policy folder.
        file: Path relative to it.
        problems: Where mistakes are added: a missing file, broken YAML, a key that stands twice.

    Returns:
        The document, or None where there is nothing to go on with.
    """
    try:
        text = (folder / file).read_text(encoding="utf-8")
    except FileNotFoundError:
        problems.append(Problem(file, 0, "the file is missing", "restore it"))
        return None
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            Problem(file, 0, f"cannot be read: {type(error).__name__}", "save it as UTF-8")
        )
        return None
    return parse_yaml(text, file, problems)


def parse_yaml(text: str, file: str, problems: list[Problem]) -> Document | None:
    """Parse the text of one file; see `read_yaml`."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            problems.append(Problem(file, 1, "the file is empty", "restore it"))
            return None
        lines: dict[Place, int] = {}
        problems.extend(_walk(node, file, (), lines, ()))
        value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problems.append(
            Problem(file, line, f"is no YAML: {error.problem}", "check indentation and quotes")
        )
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems.append(Problem(file, 0, f"is no YAML: {type(error).__name__}", "restore it"))
        return None
    finally:
        loader.dispose()
    return Document(file, value, lines)


def _walk(
    node: yaml.Node,
    file: str,
    place: Place,
    lines: dict[Place, int],
    above: tuple[yaml.Node, ...],
) -> Iterator[Problem]:
    """Note the line of every part; yield a problem for each key that stands twice."""
    lines.setdefault(place, node.start_mark.line + 1)
    if node in above:
        yield Problem(file, node.start_mark.line + 1, "refers to itself", "write the value out")
        raise yaml.YAMLError
    inside = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, file, (*place, index), lines, inside)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                yield Problem(
                    file,
                    line,
                    f"'{name}' stands twice, first on line {seen[name]}",
                    "keep one of them",
                )
            seen[name] = line
            # The key's line is where an editor should jump to, also for block values below it.
            lines[(*place, name)] = line
            yield from _walk(value, file, (*place, name), lines, inside)


def validated(
    document: Document, model: type[ModelT], problems: list[Problem], *, value: object = None
) -> ModelT | None:
    """Check a document's value against a model.

    Args:
        document: What was read.
        model: The shape it must have.
        problems: Where every mistake is added, with its line.
        value: Checked instead of the document's value, where the file was prepared first.
    """
    try:
        return model.model_validate(document.value if value is None else value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        problems.extend(
            _problem_of(document, detail["loc"], detail["type"], detail["msg"])
            for detail in details
        )
        return None


_FIXES = {
    "extra_forbidden": "remove the key or correct its spelling",
    "missing": "add it",
    "literal_error": "use one of the values named",
    "enum": "use one of the values named",
}


def _problem_of(document: Document, place: tuple[Key, ...], kind: str, message: str) -> Problem:
    # Union members and validators add names to the place that are no keys of the file.
    known = tuple(part for part in place if not (isinstance(part, str) and "[" in part))
    name = ".".join(str(part) for part in known) or "the file"
    messages = {"extra_forbidden": f"unknown key '{name}'", "missing": f"'{name}' is missing"}
    what = messages.get(kind, f"'{name}': {message.removeprefix('Value error, ')}")
    return document.problem(known, what, _FIXES.get(kind, "correct the value"))
