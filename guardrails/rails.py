"""A policy, executable: the only module that imports NeMo Guardrails.

NeMo is used as rail library, configuration language and catalogue, embedded in process. Rails are
compiled once from manifests, its own and ours, and executed directly; its Colang interpreter runs
only where a policy has flows in `rails/*.co`.
"""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final

# Before the first import, or NeMo reports its use over the network from a thread that cannot be
# stopped any more.
os.environ["NEMO_GUARDRAILS_NO_USAGE_STATS"] = "1"  # noqa: TID251 - a switch of the library's

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.actions.rail_outcome import RailDecision, RailOutcome
from nemoguardrails.guardrails.compiled_rail import (
    CompiledRail,
    RailCompilationError,
    RailDependencies,
    compile_rail,
)
from nemoguardrails.llm.taskmanager import LLMTaskManager
from nemoguardrails.manifests import (
    ActionRef,
    Binding,
    RailActions,
    RailCatalog,
    RailDirection,
    RailManifest,
    RailManifestRecord,
    RailSpec,
    RailSurface,
    default_rail_catalog,
    parse_configured_surface,
)
from pydantic import ValidationError
from typing_extensions import override

from guardrails.checked_stream import Ask
from guardrails.checks import Checks
from guardrails.config_keys import unknown_keys
from guardrails.dialogue import Message, Role, user_turn
from guardrails.flows import Flow, flows_of
from guardrails.inspection import Inspection
from guardrails.judge import Judge, JudgeEndpoint, JudgeKind
from guardrails.layers import Layers, Local, Reader
from guardrails.policy import Policy, load_policy
from guardrails.revision import Reviser
from guardrails.source import Place, PolicyError, Problem
from guardrails.verdict import Layer, Outcome, Stage, Strictness, Verdict
from guardrails.verdict_cache import VerdictCache

OURS: Final = "constitution check"
_SLOW_RAIL: Final = 5.0
"""Seconds any other rail than ours may take; ours have deadlines of their own."""

_NO_MESSAGES: Final[list[dict[str, str]]] = []

_INSPECTION: ContextVar[Inspection] = ContextVar("inspection")


async def check_constitution(variant: str | None = None) -> RailOutcome:
    """The action behind `constitution check …`: run the layers over the text being inspected."""
    verdicts = await _INSPECTION.get().run(variant)
    stops = any(v.outcome in (Outcome.BLOCK, Outcome.ERROR) for v in verdicts)
    metadata = {"verdicts": verdicts}
    return RailOutcome.block(metadata=metadata) if stops else RailOutcome.allow(metadata=metadata)


@dataclass(frozen=True, slots=True)
class _Rail:
    """One configured rail."""

    id: str
    """As it stands in config.yml, without `$principle`."""
    compiled: CompiledRail = field(repr=False)
    ours: bool
    principle: str | None
    """The principle a rail of NeMo's library reports."""
    variant: str | None
    """The principle that one of ours judges apart."""


def _catalog() -> RailCatalog:
    """NeMo's rails and ours."""
    action = ActionRef(name="check_constitution", target="guardrails.rails:check_constitution")
    surfaces = tuple(
        RailSurface(
            name=f"{OURS} {direction.value}",
            direction=direction,
            action=action,
            bindings=(Binding.surface_param("variant", "variant", required=False),),
        )
        for direction in RailDirection
    )
    manifest = RailManifest(
        name="constitution", spec=RailSpec(actions=RailActions(refs=(action,)), surfaces=surfaces)
    )
    ours = RailManifestRecord(manifest=manifest, source="covenant")
    return RailCatalog([*default_rail_catalog().records.values(), ours])


class CachedTaskManager(LLMTaskManager):  # type: ignore[misc]  # NeMo ships no types
    """NeMo's task manager, which compiles a template once and not with every call."""

    def __init__(self, config: RailsConfig) -> None:
        super().__init__(config)
        self.env: Any = _CachedEnvironment(self.env)


class _CachedEnvironment:
    """A Jinja environment that remembers what it compiled and parsed."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._compiled: dict[str, Any] = {}
        self._parsed: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def from_string(self, source: str) -> Any:
        if source not in self._compiled:
            self._compiled[source] = self._environment.from_string(source)
        return self._compiled[source]

    def parse(self, source: str) -> Any:
        if source not in self._parsed:
            self._parsed[source] = self._environment.parse(source)
        return self._parsed[source]


class _Flows:
    """Runs Colang flows through NeMo's interpreter, about 10 ms each."""

    def __init__(self, flows: Sequence[Flow], config: RailsConfig) -> None:
        self._flows = flows
        # A fresh configuration for each interpreter: it appends its own flows to it. It also
        # leaves an open event loop in a thread that has none, so it gets a thread and a loop.
        with ThreadPoolExecutor(1) as thread:
            self._rails = thread.submit(_interpreter_of, config).result()

    async def problems(self) -> list[Flow]:
        """Run every flow once; return those that do not work."""
        greeting = [{"role": "user", "content": "hello"}]
        answer = [*greeting, {"role": "assistant", "content": "hello"}]
        verdicts = (
            *await self.run(Stage.INPUT, greeting),
            *await self.run(Stage.OUTPUT, answer),
        )
        broken = {v.rail for v in verdicts if v.outcome is Outcome.ERROR}
        return [flow for flow in self._flows if flow.name in broken]

    async def run(self, stage: Stage, messages: list[dict[str, str]]) -> tuple[Verdict, ...]:
        flows = [flow for flow in self._flows if flow.stage is stage]
        if not flows:
            return ()
        began = perf_counter()
        ran: dict[str, bool] = {}
        try:
            async with asyncio.timeout(_SLOW_RAIL):
                # An explicit state keeps the interpreter from remembering texts of everybody.
                result = await self._rails.generate_async(
                    messages=messages,
                    options={"rails": [stage.value], "log": {"activated_rails": True}},
                    state={},
                )
            ran = {rail.name: bool(rail.stop) for rail in result.log.activated_rails}
        except Exception:  # noqa: BLE001 - the interpreter raises anything; each flow fails closed
            ran = {}
        ms = (perf_counter() - began) * 1e3 / len(flows)
        stopped = any(ran.values())
        return tuple(
            _flow_verdict(flow, ran.get(flow.name), ms)
            for flow in flows
            # After the first flow that stops, the others are not run.
            if flow.name in ran or not stopped
        )


def _interpreter_of(config: RailsConfig) -> LLMRails:
    with asyncio.Runner() as runner:
        runner.get_loop()
        return LLMRails(config)


def _flow_verdict(flow: Flow, stops: bool | None, ms: float) -> Verdict:  # noqa: FBT001 - private
    if stops is None:
        return Verdict(Layer.FLOW, flow.name, Outcome.ERROR, rule="not_run", ms=ms)
    if not stops:
        return Verdict(Layer.FLOW, flow.name, Outcome.PASS, ms=ms)
    return Verdict(
        Layer.FLOW, flow.name, Outcome.BLOCK, principle=flow.principle, rule=flow.name, ms=ms
    )


class Rails(Checks):
    """One policy, executable. Compiled by `Rails.compile`; closed by `aclose`."""

    _rails: Mapping[Stage, tuple[_Rail, ...]]
    _flows: _Flows | None
    _judges: tuple[Judge, ...]
    _apart: Mapping[Stage, frozenset[str]]

    @classmethod
    async def compile(
        cls,
        policy: Policy,
        *,
        classifier: Reader | None,
        judge: JudgeEndpoint | None,
        strictness: Strictness = Strictness.BALANCED,
        canary: str | None = None,
        writer: JudgeEndpoint | None = None,
        verdicts: VerdictCache | None = None,
    ) -> "Rails":
        """Compile a policy.

        Args:
            policy: What `load_policy` returned.
            classifier: Layer L1; None where it is not installed.
            judge: Layer L2; None where none is configured.
            strictness: What applies where a check names none.
            canary: A secret word of the system prompt that must never be answered.
            writer: The model that rewrites answers; the judge where it can write.
            verdicts: Where judges' verdicts are remembered; in memory by default.

        Raises:
            PolicyError: NeMo's configuration or a Colang flow is wrong.
        """
        return await asyncio.to_thread(
            cls._compile,
            policy,
            classifier,
            judge,
            strictness=strictness,
            canary=canary,
            writer=writer,
            verdicts=verdicts,
        )

    @classmethod
    def _compile(
        cls,
        policy: Policy,
        classifier: Reader | None,
        judge: JudgeEndpoint | None,
        *,
        strictness: Strictness,
        canary: str | None,
        writer: JudgeEndpoint | None,
        verdicts: VerdictCache | None,
    ) -> "Rails":
        quiet_loggers()
        compiled = compile_policy(policy)
        asks = Judge(judge, policy, cache=verdicts) if judge else None
        if writer is None and judge is not None and judge.speaks is JudgeKind.CONSTITUTION:
            writer = judge
        writes = Judge(writer, policy) if writer else None
        deadline = policy.strictness.judge.revision_deadline_ms
        rails = cls(
            policy,
            Layers(policy, classifier, asks),
            strictness=strictness,
            canary=canary,
            reviser=Reviser(writes, deadline) if writes else None,
        )
        rails._rails = compiled.rails
        rails._flows = compiled.flows
        rails._apart = compiled.apart
        rails._judges = tuple(one for one in (asks, writes) if one)
        return rails

    async def aclose(self) -> None:
        """Close the connections to the judges."""
        for judge in self._judges:
            await judge.aclose()

    @override
    async def inspect(
        self,
        stage: Stage,
        text: str,
        ask: Ask,
        conversation: tuple[Message, ...],
        *,
        local: bool = True,
    ) -> tuple[Verdict, ...]:
        """Run the stage's rails in their order, ours included; see `Inspects`."""
        inspection = Inspection(
            self._layers, stage, text, ask, apart=self._apart[stage], is_local=local
        )
        verdicts: list[Verdict] = []
        messages: list[dict[str, str]] | None = None
        for rail in self._rails[stage]:
            if not rail.ours and messages is None:
                messages = _as_nemo(conversation)
            verdicts.extend(await self._run(rail, inspection, messages, text))
            if any(v.outcome is Outcome.BLOCK for v in verdicts):
                return tuple(verdicts)
        if self._flows is not None:
            said = [{"role": "assistant", "content": text}] if stage is Stage.OUTPUT else []
            messages = _as_nemo(conversation) if messages is None else messages
            verdicts.extend(await self._flows.run(stage, [*messages, *said]))
        return tuple(verdicts)

    @override
    async def inspect_passages(self, passages: Sequence[str]) -> list[tuple[Verdict, ...]]:
        """Run the retrieval rails over passages; their sentences are scored together."""
        # Scored together here, so that the rails find each passage's verdicts remembered.
        self._layers.local_batch(Stage.RETRIEVAL, passages)
        return [
            await self.inspect(Stage.RETRIEVAL, passage, _ask_nothing, ()) for passage in passages
        ]

    async def _run(
        self,
        rail: _Rail,
        inspection: Inspection,
        messages: list[dict[str, str]] | None,
        text: str,
    ) -> tuple[Verdict, ...]:
        began = perf_counter()
        token = _INSPECTION.set(inspection)
        try:
            if rail.ours:
                execution = await rail.compiled.execute(_NO_MESSAGES, "")
            else:
                said = text if inspection.stage is Stage.OUTPUT else None
                async with asyncio.timeout(_SLOW_RAIL):
                    execution = await rail.compiled.execute(messages or _NO_MESSAGES, said)
        except Exception as error:  # noqa: BLE001 - whatever a rail raises, it gave no verdict
            ms = (perf_counter() - began) * 1e3
            kind = type(error).__name__
            return (Verdict(Layer.RULES, rail.id, Outcome.ERROR, rule=kind, ms=ms),)
        finally:
            _INSPECTION.reset(token)
        outcome = execution.outcome
        if rail.ours and not outcome.failed:
            found: tuple[Verdict, ...] = outcome.metadata["verdicts"]
            return tuple(replace(v, rail=rail.id) if v.layer is Layer.JUDGE else v for v in found)
        return (_foreign_verdict(rail, execution, (perf_counter() - began) * 1e3),)


def _ask_nothing(_: Local) -> None:
    """The judge reads no passages."""


def _foreign_verdict(rail: _Rail, execution: Any, ms: float) -> Verdict:
    """What a rail of NeMo's library said."""
    outcome = execution.outcome
    layer = Layer.JUDGE if execution.llm_calls else Layer.RULES
    if outcome.failed or outcome.decision is RailDecision.TRANSFORM:
        # A rewrite of a window would garble a stream: masks are ours, on complete sentences.
        rule = "failed" if outcome.failed else "rewrites"
        return Verdict(Layer.RULES, rail.id, Outcome.ERROR, rule=rule, ms=ms)
    if outcome.decision is RailDecision.ALLOW:
        return Verdict(layer, rail.id, Outcome.PASS, ms=ms)
    return Verdict(
        layer, rail.id, Outcome.BLOCK, principle=rail.principle, rule=rail.compiled.flow, ms=ms
    )


def _as_nemo(conversation: tuple[Message, ...]) -> list[dict[str, str]]:
    """A conversation as NeMo reads it; the user messages at its end are one turn."""
    before = list(conversation)
    while before and before[-1].role is Role.USER:
        before.pop()
    messages = [{"role": m.role.value, "content": m.text} for m in before]
    return [*messages, {"role": "user", "content": user_turn(conversation)}]


def quiet_loggers() -> None:
    """Keep NeMo's loggers from writing what people say: they print prompts and events."""
    logging.getLogger("nemoguardrails").setLevel(logging.WARNING)
    # These quote what they failed on; the verdict says that they failed.
    for name in ("nemoguardrails.guardrails.rail_guard", "nemoguardrails.colang"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in ("actions.action_dispatcher", "rails.llm.llmrails"):
        logging.getLogger(f"nemoguardrails.{name}").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """The parts of a policy that NeMo runs."""

    rails: Mapping[Stage, tuple[_Rail, ...]]
    flows: _Flows | None
    apart: Mapping[Stage, frozenset[str]]


def lint(folder: Path) -> tuple[Problem, ...]:
    """Everything that is wrong with a policy folder, NeMo's part included; nothing, if it is right.

    Args:
        folder: A folder of the form of `guardrails/config`.
    """
    quiet_loggers()
    try:
        compile_policy(load_policy(folder))
    except PolicyError as error:
        return error.problems
    return ()


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Compile what NeMo runs of a policy.

    Raises:
        PolicyError: With every problem found: unknown keys, rails that do not exist or stand in
            the wrong section, flows that cannot run.
    """
    problems = list(unknown_keys(policy.config, policy.config.value, RailsConfig, ()))
    flows = flows_of(policy, problems)
    listed = {stage: _listed(policy, stage, problems) for stage in Stage}
    complete = all(one is not None for one in listed.values())
    config = _nemo_config(policy, problems) if complete else None
    if config is None:
        raise PolicyError(problems)
    deps = RailDependencies(llms={}, llm_task_manager=CachedTaskManager(config), config=config)
    catalog = _catalog()
    named = {(flow.stage, flow.name) for flow in flows}
    rails = {
        stage: _compiled_stage(policy, stage, listed[stage] or (), named, deps, catalog, problems)
        for stage in Stage
    }
    if problems:
        raise PolicyError(problems)
    apart = {
        stage: frozenset(
            variant for rail in rails[stage] if rail.ours and (variant := rail.variant)
        )
        for stage in Stage
    }
    return CompiledPolicy(rails, _interpreter(policy, flows) if flows else None, apart)


def _listed(policy: Policy, stage: Stage, problems: list[Problem]) -> list[str] | None:
    """The rails of `rails.<stage>.flows`; None where there is no list."""
    place: Place = ("rails", stage.value, "flows")
    section = policy.config.value.get("rails", {}).get(stage.value)
    listed = section.get("flows") if isinstance(section, dict) else None
    ours = f"{OURS} {stage.value}"
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        what = f"'rails.{stage.value}.flows' is no list of rails"
        problems.append(policy.config.problem(place, what, f"write - {ours}"))
        return None
    if not any(one.strip() == ours for one in listed):
        what = f"'{ours}' is missing: the constitution would not be enforced"
        problems.append(policy.config.problem(place, what, "add it"))
    return listed


def _compiled_stage(
    policy: Policy,
    stage: Stage,
    listed: Sequence[str],
    flows: set[tuple[Stage, str]],
    deps: RailDependencies,
    catalog: RailCatalog,
    problems: list[Problem],
) -> tuple[_Rail, ...]:
    place: Place = ("rails", stage.value, "flows")
    rails: list[_Rail] = []
    for index, flow in enumerate(listed):
        if (stage, flow.partition("$")[0].strip()) in flows:
            continue
        rail = _compiled_rail(policy, stage, flow, (*place, index), deps, catalog, problems)
        if rail is None:
            continue
        if any(rail.id == other.id for other in rails):
            problems.append(
                policy.config.problem((*place, index), f"'{flow}' stands twice", "keep one")
            )
        rails.append(rail)
    return tuple(rails)


def _compiled_rail(
    policy: Policy,
    stage: Stage,
    flow: str,
    place: Place,
    deps: RailDependencies,
    catalog: RailCatalog,
    problems: list[Problem],
) -> _Rail | None:
    try:
        _, params = parse_configured_surface(flow)
    except ValueError as error:
        what = f"'{flow}' is not a valid flow reference: {error}"
        problems.append(policy.config.problem(place, what, "write name $key=value"))
        return None
    principle = params.pop("principle", None)
    name = flow.partition("$")[0].strip()
    bare = " ".join((name, *(f'${key}="{value}"' for key, value in params.items())))
    ours = name.startswith(OURS)
    named = params.get("variant") if ours else principle
    if not ours and principle is None:
        problems.append(
            policy.config.problem(
                place, f"'{flow}' names no principle", f"write: {flow} $principle=<id>"
            )
        )
    if named is not None and named not in policy.constitution.by_id:
        problems.append(
            policy.config.problem(
                place, f"there is no principle '{named}'", "use an id of constitution.yml"
            )
        )
    try:
        compiled = compile_rail(bare, RailDirection(stage.value), deps, catalog=catalog)
    except RailCompilationError as error:
        problems.append(policy.config.problem(place, str(error), "correct the name or the section"))
        return None
    return _Rail(bare, compiled, ours, principle, params.get("variant"))


def _nemo_config(policy: Policy, problems: list[Problem]) -> RailsConfig | None:
    """NeMo's configuration, without Colang: what library rails read."""
    try:
        return RailsConfig.from_content(config=_settings(policy))
    except (ValidationError, ValueError, TypeError) as error:
        details = (
            "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            if isinstance(error, ValidationError)
            else str(error)
        )
        problems.append(policy.config.problem((), f"NeMo refuses it: {details}", "correct it"))
        return None


def _settings(policy: Policy, **changes: object) -> dict[str, Any]:
    return {"models": [], **policy.config.value, **changes}


def _interpreter(policy: Policy, flows: Sequence[Flow]) -> _Flows:
    """NeMo's Colang interpreter over the policy's flows and nothing else.

    Raises:
        PolicyError: The Colang cannot be parsed or run.
    """
    rails = {
        stage.value: {"flows": [flow.name for flow in flows if flow.stage is stage]}
        for stage in (Stage.INPUT, Stage.OUTPUT)
    }
    colang = "\n\n".join(policy.flows.values())
    try:
        config = RailsConfig.from_content(
            colang_content=colang, config={"models": [], "passthrough": True, "rails": rails}
        )
        interpreter = _Flows(flows, config)
    except Exception as error:  # noqa: BLE001 - see below
        # Colang's parser raises whatever it stumbles over, with the line in its words.
        file = next(iter(policy.flows))
        what = f"Colang: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise PolicyError([Problem(file, 0, what, "correct the flow")]) from None
    with ThreadPoolExecutor(1) as thread:
        broken = thread.submit(lambda: asyncio.run(interpreter.problems())).result()
    if broken:
        raise PolicyError(
            [
                Problem(flow.file, flow.line, f"flow '{flow.name}' does not run", "correct it")
                for flow in broken
            ]
        )
    return interpreter
