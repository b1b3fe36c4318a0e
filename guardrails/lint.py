"""What is wrong with a policy beyond the shape of its files: what would switch a rail off silently.

Each check returns problems with file, line and fix. What only NeMo Guardrails can tell (its fields,
rails, Colang) is checked in `guardrails.rails`; rules, prompts and messages check themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from guardrails.principles import Constitution, Principle
from guardrails.prompts import PromptFile
from guardrails.source import Document, Problem
from guardrails.strictness import StrictnessFile


def problems_of_constitution(document: Document, constitution: Constitution) -> list[Problem]:
    """Ids that stand twice, and judges' categories that mean two principles."""
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    mapped: dict[str, str] = {}
    for index, principle in enumerate(constitution.principles):
        place = ("principles", index)
        if principle.id in seen:
            first = document.line(("principles", seen[principle.id]))
            problems.append(
                document.problem(
                    (*place, "id"),
                    f"a second principle '{principle.id}', first on line {first}",
                    "give it another id",
                )
            )
        seen.setdefault(principle.id, index)
        for category in principle.maps_to.qwen3guard:
            if category in mapped:
                problems.append(
                    document.problem(
                        (*place, "maps_to"),
                        f"'{category}' already means '{mapped[category]}'",
                        "name it at one principle",
                    )
                )
            mapped.setdefault(category, principle.id)
    return problems


_FORBIDDEN_SECTIONS: Final = {
    "prompts": "prompts stand in prompts.yml",
    "models": "the judge's address comes from the environment (COVENANT_GUARD__BASE_URL)",
    "user_messages": "they make NeMo download an embedding model",
    "docs": "documents belong into the knowledge base: `covenant kb add`",
    "knowledge_base": "documents belong into the knowledge base: `covenant kb add`",
    "actions_server_url": "a policy starts no service",
    "import_paths": "a policy is one folder",
    "config_path": "a policy is one folder",
    "imported_paths": "a policy is one folder",
    "tracing": "tracing is set up by the service",
    "metrics": "metrics are set up by the service",
}


def problems_of_config(documents: Mapping[str, Document | None]) -> list[Problem]:
    """What would make NeMo do something else than was meant; its fields are checked later."""
    document = documents.get("config.yml")
    if document is None:
        return []
    if not isinstance(document.value, dict):
        return [document.problem((), "is no mapping", "restore the file")]
    problems = [
        document.problem((key,), f"'{key}' does not belong here", fix)
        for key, fix in _FORBIDDEN_SECTIONS.items()
        if key in document.value
    ]
    if str(document.value.get("colang_version", "1.0")) != "1.0":
        problems.append(
            document.problem(
                ("colang_version",),
                "Colang 2 lets an answer out before its rails have run",
                'write colang_version: "1.0"',
            )
        )
    return problems + _problems_of_streaming(document)


def _problems_of_streaming(document: Document) -> list[Problem]:
    section: Any = document.value
    place: tuple[str, ...] = ()
    for key in ("rails", "output", "streaming"):
        section = section.get(key) if isinstance(section, dict) else None
        place = (*place, key)
        if not isinstance(section, dict):
            return [document.problem(place, f"'{'.'.join(place)}' is missing", "add it")]
    problems: list[Problem] = []
    size = section.get("chunk_size")
    if not isinstance(size, int) or isinstance(size, bool) or not 5 <= size <= 400:  # noqa: PLR2004 - sensible windows
        problems.append(
            document.problem(
                (*place, "chunk_size"), "chunk_size must be 5 to 400 tokens", "write 40"
            )
        )
    if section.get("stream_first") is not False:
        problems.append(
            document.problem(
                (*place, "stream_first"),
                "answers would be shown before they were checked",
                "write stream_first: false",
            )
        )
    if section.get("enabled") is not True:
        problems.append(
            document.problem(
                (*place, "enabled"), "the windows of an answer are checked", "write enabled: true"
            )
        )
    return problems


def problems_of_lengths(
    document: Document,
    file: PromptFile,
    strictness: StrictnessFile,
    principles: Sequence[Principle],
) -> list[Problem]:
    """Prompts too short for the longest texts: every long message would be blocked as a fault."""
    limits = strictness.limits
    constitution = sum(
        max(len(p.text.en), len(p.text.zh)) + sum(map(len, (*p.allows, *p.forbids)))
        for p in principles
    )
    room = {
        "constitution_judge_input": limits.message,
        "constitution_judge_output": limits.answer,
        "constitution_judge_exchange": limits.message + limits.answer,
        "constitution_critique": limits.message + limits.answer,
        "constitution_revision": limits.message + limits.answer,
        "system": 0,
    }
    problems: list[Problem] = []
    for index, prompt in enumerate(file.prompts):
        if prompt.task not in room:
            continue
        needed = room[prompt.task] + constitution + sum(len(m.content) for m in prompt.templates)
        if prompt.max_length < needed:
            problems.append(
                document.problem(
                    ("prompts", index, "max_length"),
                    f"'{prompt.task}' has no room for the longest texts of strictness.yml",
                    f"write max_length: {-(-needed // 10_000) * 10_000}",
                )
            )
    return problems
