"""Rails compiled by NeMo Guardrails, and every name of its that is not quite public."""

import importlib.metadata
import inspect
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.actions.rail_outcome import RailDecision, RailOutcome
from nemoguardrails.guardrails.compiled_rail import (
    CompiledRail,
    RailDependencies,
    RailExecution,
    compile_rail,
)
from nemoguardrails.llm.taskmanager import LLMTaskManager
from nemoguardrails.manifests import RailCatalog, RailDirection, default_rail_catalog

from guardrails.dialogue import Message, Role
from guardrails.policy import SHIPPED, Policy, load_policy
from guardrails.rails import CachedTaskManager, Rails, compile_policy, lint
from guardrails.source import PolicyError, Problem
from guardrails.verdict import Layer, Outcome, Stage, Strictness
from tests.fakes.fixed_classifier import FixedClassifier
from tests.fakes.scripted_judge import ScriptedJudge
from tests.fakes.small_policy import edit
from tests.guardrails.conftest import CompileRails

LIST = "    flows:\n      - constitution check input\n"


def asked(*texts: str) -> tuple[Message, ...]:
    return tuple(Message(Role.USER, text) for text in texts)


class TestContract:
    """What NeMo may not change under us."""

    def test_the_version_is_pinned(self) -> None:
        """Its semi-private names hold for this one."""
        assert importlib.metadata.version("nemoguardrails") == "0.24.1"

    def test_rails_are_compiled_from_a_flow_a_direction_and_a_catalogue(self) -> None:
        """`compile_rail` takes our catalogue, and its dependencies are those we pass."""
        assert list(inspect.signature(compile_rail).parameters) == [
            "flow",
            "direction",
            "deps",
            "catalog",
        ]
        names = list(inspect.signature(RailDependencies).parameters)
        assert names[:3] == ["llms", "llm_task_manager", "config"]
        assert {d.value for d in RailDirection} == {s.value for s in Stage}

    def test_an_execution_holds_outcome_and_calls(self) -> None:
        """`execute` takes messages and an answer."""
        assert list(inspect.signature(CompiledRail.execute).parameters) == [
            "self",
            "messages",
            "bot_response",
        ]
        execution = RailExecution(outcome=RailOutcome.allow())
        assert execution.llm_calls == ()

    def test_an_outcome_tells_a_failure_from_a_verdict(self) -> None:
        """And keeps the metadata that carries our verdicts."""
        assert {d.name for d in RailDecision} == {"ALLOW", "BLOCK", "TRANSFORM"}
        failure = RailOutcome.failure(reason="x")
        assert (failure.failed, failure.decision) == (True, RailDecision.BLOCK)
        assert RailOutcome.block(metadata={"verdicts": (1,)}).metadata["verdicts"] == (1,)

    def test_the_catalogue_can_be_extended(self) -> None:
        """It is built from the records of the default one and ours."""
        catalog = RailCatalog(default_rail_catalog().records.values())
        assert (RailDirection.INPUT, "regex check input") in catalog.surfaces()

    def test_the_task_manager_renders_with_its_environment(self) -> None:
        """Replacing `env` is enough to compile each template once."""
        assert "self.env.from_string" in inspect.getsource(LLMTaskManager._render_string)
        config = RailsConfig.from_content(config={"models": []})
        manager = CachedTaskManager(config)
        assert manager.env.from_string("{{ x }}") is manager.env.from_string("{{ x }}")
        assert manager.env.parse("{{ x }}") is manager.env.parse("{{ x }}")
        assert manager._render_string("{{ user_input }}", {"user_input": "a"}) == "a"

    def test_the_interpreter_takes_a_state(self) -> None:
        """Without one it would remember everybody's texts."""
        assert "state" in inspect.signature(LLMRails.generate_async).parameters

    def test_usage_reporting_is_off_before_the_library_is_imported(self) -> None:
        """In a fresh process, importing our module is enough."""
        code = (
            "import guardrails.rails, nemoguardrails.telemetry as t;"
            "print(t._is_usage_stats_enabled())"
        )
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("NEMO", "CI", "DO_NOT"))}
        result = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=clean | {"PYTHONPATH": str(SHIPPED.parents[1])},
        )
        assert result.stdout.strip() == "False"


async def test_nothing_people_say_is_logged(
    compile_rails: CompileRails,
    folder: Path,
    classifier: FixedClassifier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither passing, blocked nor crashing checks leave a text in any log."""
    (folder / "rails" / "shop.co").write_text(FLOWS)
    rails = await compile_rails(policy=load_policy(folder))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("nemoguardrails").setLevel(logging.WARNING)
        for text in ("secret-text hello", "secret-text pipe bomb", "secret-text master key"):
            await rails.check_input(asked(text))
            await rails.answer(asked("secret-text?")).check(f"{text}. ")
        classifier.breaks = True
        await rails.check_input(asked("secret-text crash"))
    assert "secret-text" not in caplog.text


def with_input_rail(folder: Path, rail: str, more: str = "") -> Path:
    edit(folder / "config.yml", LIST, f"{LIST}      - {rail}\n{more}")
    return folder


async def test_a_rail_of_the_library_works_when_listed(
    compile_rails: CompileRails, folder: Path
) -> None:
    """It names the principle it enforces, and shows in the trace."""
    edit(
        folder / "config.yml",
        "rails:\n",
        "rails:\n  config:\n    regex_detection:\n      input:\n        patterns: [swordfish]\n",
    )
    with_input_rail(folder, "regex check input $principle=no-crime")
    rails = await compile_rails(policy=load_policy(folder))
    decision = await rails.check_input(asked("The word is swordfish"))
    assert (decision.outcome, decision.principle) == (Outcome.BLOCK, "no-crime")
    assert decision.verdicts[-1].rail == "regex check input"
    assert not (await rails.check_input(asked("hello"))).blocked


async def test_a_principle_may_have_a_judge_call_of_its_own(
    compile_rails: CompileRails, judge: ScriptedJudge, folder: Path
) -> None:
    """`$variant` takes it out of the shared call."""
    with_input_rail(folder, "constitution check input $variant=no-weapons")
    rails = await compile_rails(judge, policy=load_policy(folder))
    judge.violates = {"knife": "no-weapons"}
    judge.answers = ['{"violations": []}']
    decision = await rails.check_input(asked("[unsure] knife"))
    assert (decision.principle, decision.verdicts[-1].rail) == (
        "no-weapons",
        'constitution check input $variant="no-weapons"',
    )
    ids = [
        r["response_format"]["json_schema"]["schema"]["properties"]["violations"]["items"][
            "properties"
        ]["id"]["enum"]
        for r in judge.requests
    ]
    assert ids[1] == ["no-weapons"]
    assert "no-weapons" not in ids[0]
    assert "no-crime" in ids[0]


FLOWS = """
define bot refuse master key
  "I can't say that."

# principle: no-crime
define flow check shop secrets
  if "master key" in $user_message
    bot refuse master key
    stop

# principle: no-crime
define flow check shop answers
  if "master key" in $bot_message
    bot refuse master key
    stop
"""


async def test_a_colang_flow_dropped_into_the_folder_works(
    compile_rails: CompileRails, folder: Path
) -> None:
    """On messages and answers, with its principle, and listed in the trace when it passes."""
    (folder / "rails" / "shop.co").write_text(FLOWS)
    rails = await compile_rails(policy=load_policy(folder))
    blocked = await rails.check_input(asked("Where is the master key?"))
    passed = await rails.check_input(asked("hello"))
    assert (blocked.outcome, blocked.principle, blocked.layer) == (
        Outcome.BLOCK,
        "no-crime",
        Layer.FLOW,
    )
    assert [(v.rail, v.outcome) for v in passed.verdicts if v.layer is Layer.FLOW] == [
        ("check shop secrets", Outcome.PASS)
    ]
    answer = rails.answer(asked("hello"))
    assert not (await answer.check("Fine. ")).blocked
    assert (await answer.check("It is the master key. ")).principle == "no-crime"


async def test_a_flow_that_cannot_run_lets_nothing_through(
    compile_rails: CompileRails, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that crashes, or that skips the flow, is a fault."""
    (folder / "rails" / "shop.co").write_text(FLOWS)
    rails = await compile_rails(policy=load_policy(folder))
    assert rails._flows is not None

    async def crash(**_: object) -> None:
        raise RuntimeError("scripted")

    monkeypatch.setattr(rails._flows._rails, "generate_async", crash)
    decision = await rails.check_input(asked("hello"))
    assert (decision.outcome, decision.failed) == (Outcome.BLOCK, True)


def problems(folder: Path) -> str:
    found = lint(folder)
    assert found
    return "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "    flows:\n      - constitution check input",
            "    flow: []",
            "unknown key 'rails.input.flow'",
        ),
        ("  input:\n", "  inputs:\n", "unknown key 'rails.inputs'"),
        ("passthrough: true", "passthrough: true\npassthroug: true", "unknown key 'passthroug'"),
        (
            "      chunk_size: 40 ",
            "      chunksize: 1\n      chunk_size: 40 ",
            "streaming.chunksize",
        ),
        ("      - constitution check input", "      - constitution chek input", "chek input"),
        ("      - constitution check input", "      - constitution check output", "OUTPUT"),
        ("    flows:\n      - constitution check input", "    flows:", "is no list of rails"),
        (LIST, f"{LIST}      - constitution check input\n", "stands twice"),
        (LIST, f"{LIST}      - regex check input\n", "names no principle"),
        (LIST, f"{LIST}      - regex check input $principle=none\n", "no principle 'none'"),
        (LIST, f"{LIST}      - constitution check input $variant=none\n", "no principle 'none'"),
        (LIST, f"{LIST}      - jailbreak detection heuristics $principle=integrity\n", "jailbreak"),
        (LIST, f"{LIST}      - 'regex check input $'\n", "not a valid flow reference"),
        (
            "      - constitution check retrieval",
            "      - regex check retrieval $principle=integrity",
            "relevant_chunks",
        ),
        ("      context_size: 10", "      context_size: ten", "NeMo refuses it"),
    ],
)
def test_a_configuration_that_nemo_would_swallow_is_refused(
    folder: Path, old: str, new: str, what: str
) -> None:
    """Misspelt keys, unknown rails, rails in the wrong section: each with its line."""
    edit(folder / "config.yml", old, new)
    assert what in problems(folder)
    assert all(p.line for p in lint(folder))


@pytest.mark.parametrize(
    ("colang", "what"),
    [
        ('define user greet\n  "hi"\n', "embedding model"),
        (FLOWS.replace("# principle: no-crime\n", "", 1), "names no principle"),
        (FLOWS.replace("principle: no-crime", "principle: nothing", 1), "no principle 'nothing'"),
        (FLOWS.replace("$user_message", "$something", 1), "reads neither"),
        (FLOWS.replace("shop answers", "shop secrets", 1), "a second flow"),
        (FLOWS.replace('"master key" in $user_message', "$user_message ==", 1), "does not run"),
        (
            FLOWS.replace("    stop", "  stop the ( ", 1).replace("define bot", "define bott"),
            "Colang",
        ),
    ],
)
def test_colang_that_cannot_work_is_refused(folder: Path, colang: str, what: str) -> None:
    """A flow that would never run, or would need a download, is an error with its line."""
    (folder / "rails" / "shop.co").write_text(colang)
    assert what in problems(folder)


def test_a_flow_may_be_listed(folder: Path) -> None:
    """Its section then says where it runs, and parts of flows are left alone."""
    flow = FLOWS.replace('"master key" in $user_message', '"a" == "b"', 1)
    (folder / "rails" / "shop.co").write_text(flow + "\ndefine subflow help out\n  stop\n")
    with_input_rail(folder, "check shop secrets")
    assert lint(folder) == ()


def test_the_shipped_policy_is_right() -> None:
    """Nothing to complain about, NeMo's part included."""
    assert lint(SHIPPED) == ()


def test_a_broken_folder_is_linted_too(folder: Path) -> None:
    """What stops loading is reported like the rest."""
    edit(folder / "strictness.yml", "  message: 8000", "  mesage: 8000")
    assert "unknown key" in problems(folder)


def test_compiling_raises_with_every_problem(folder: Path) -> None:
    """So that nothing half-compiled can be used."""
    edit(folder / "config.yml", "  input:\n", "  inputs:\n")
    with pytest.raises(PolicyError) as raised:
        compile_policy(load_policy(folder))
    assert all(isinstance(problem, Problem) for problem in raised.value.problems)


async def test_the_strictness_is_set_for_all_or_for_one_check(
    compile_rails: CompileRails, small_policy: Policy
) -> None:
    """A check's own strictness wins."""
    rails: Rails = await compile_rails(strictness=Strictness.MONITOR)
    plan = asked("a theft plan")
    assert not (await rails.check_input(plan)).blocked
    assert (await rails.check_input(plan, strictness=Strictness.BALANCED)).blocked
    rails.strictness = Strictness.BALANCED
    assert (await rails.check_input(plan)).blocked
    assert rails.policy is small_policy
