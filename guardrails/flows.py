"""Colang flows of `rails/*.co`: which there are, where each runs, what is wrong with them.

A flow is a rail of its own: it reads ``$user_message`` or ``$bot_message``, says a refusal and
stops. A comment right above it names the principle it enforces::

    # principle: no-crime
    define flow check shop secrets
      if "master key" in $user_message
        bot refuse to respond
        stop
"""

import re
from dataclasses import dataclass
from typing import Final

from guardrails.policy import Policy
from guardrails.source import Problem
from guardrails.verdict import Stage

_FLOW: Final = re.compile(r"^define (?P<sub>sub)?flow\s+(?P<name>[^\n#]+?)\s*$", re.MULTILINE)
_FLOW_PRINCIPLE: Final = re.compile(r"#\s*principle:\s*(?P<id>[a-z0-9-]+)\s*$")
_NEEDS_EMBEDDINGS: Final = re.compile(r"^define user\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Flow:
    """A Colang flow."""

    name: str
    stage: Stage
    """Whether it reads messages or answers."""
    principle: str
    """What it enforces."""
    file: str
    line: int


def flows_of(policy: Policy, problems: list[Problem]) -> list[Flow]:
    """The flows of `rails/*.co`, and at which stage each runs."""
    flows: list[Flow] = []
    for file, text in policy.flows.items():
        lines = text.splitlines()
        for match in _NEEDS_EMBEDDINGS.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            problems.append(
                Problem(
                    file,
                    line,
                    "'define user' needs an embedding model that NeMo would download",
                    "test $user_message in a flow instead",
                )
            )
        for match in _FLOW.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if match.group("sub") and _configured_stage(policy, match.group("name")) is None:
                continue  # a part of other flows
            flow = _flow(policy, file, match.group("name"), line, lines, problems)
            if flow is None:
                continue
            if any(flow.name == other.name for other in flows):
                problems.append(
                    Problem(file, line, f"a second flow '{flow.name}'", "rename one of them")
                )
            flows.append(flow)
    return flows


def _flow(
    policy: Policy, file: str, name: str, line: int, lines: list[str], problems: list[Problem]
) -> Flow | None:
    body: list[str] = []
    for text in lines[line:]:
        if text and not text[0].isspace() and not text.startswith("#"):
            break
        body.append(text)
    reads = "\n".join(body)
    stage = _configured_stage(policy, name)
    if stage is None:
        stage = (
            Stage.OUTPUT
            if "$bot_message" in reads
            else Stage.INPUT
            if "$user_message" in reads
            else None
        )
    above = _FLOW_PRINCIPLE.search(lines[line - 2]) if line > 1 else None
    principle = above.group("id") if above else None
    if principle is None or principle not in policy.constitution.by_id:
        what = f"there is no principle '{principle}'" if principle else "names no principle"
        problems.append(
            Problem(file, line, f"flow '{name}': {what}", "write '# principle: <id>' above it")
        )
        return None
    if stage is None or stage is Stage.RETRIEVAL:
        problems.append(
            Problem(
                file,
                line,
                f"flow '{name}' reads neither $user_message nor $bot_message",
                "read one, or list it under rails.input or rails.output in config.yml",
            )
        )
        return None
    return Flow(name, stage, principle, file, line)


def _configured_stage(policy: Policy, name: str) -> Stage | None:
    rails = policy.config.value.get("rails", {})
    for stage in Stage:
        section = rails.get(stage.value)
        if isinstance(section, dict) and name in (section.get("flows") or []):
            return stage
    return None
