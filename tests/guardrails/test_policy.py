"""Loading a policy: every mistake that would switch a rail off silently is planted and refused."""

from pathlib import Path

import pytest

from guardrails.policy import SHIPPED, Policy, load_policy
from guardrails.source import PolicyError, Problem
from guardrails.verdict import Action, Decision, Outcome, Stage, Strictness
from tests.fakes.small_policy import PIPE_BOMB, RULES, dump, edit, principle, principles


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(PolicyError) as raised:
        load_policy(folder)
    return list(raised.value.problems)


def the_problem(folder: Path) -> str:
    """The only problem, and that it has a line and a fix."""
    found = problems(folder)
    assert len(found) == 1, "\n".join(map(str, found))
    assert found[0].line or "missing" in found[0].what or "." in found[0].file
    assert found[0].fix
    return str(found[0])


def test_the_shipped_policy_loads() -> None:
    """What ships has no mistake."""
    policy = load_policy()
    assert len(policy.principles) == 12
    assert policy.window_stride == 160


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("constitution.yml", "- id: noted\n", "- id: noted\n  severty: x\n", "unknown key"),
        ("constitution.yml", "- id: noted", "- id: open-minded", "a second principle"),
        ("constitution.yml", "- id: noted", "- id: noted\n  id: noted", "stands twice"),
        ("strictness.yml", "  message: 8000", "  message: 8000\n  mesage: 1", "unknown key"),
        ("strictness.yml", "  deadline_ms: 4000 ", "  deadline_ms: 0 ", "deadline_ms"),
        ("strictness.yml", "    violation_from: 0.3", "    violation_from: 0.9", "laxer"),
        ("prompts.yml", "- task: constitution_critique", "- task: constitution_critic", "critic"),
        ("prompts.yml", "- task: system", "- task: constitution_critique", "a second prompt"),
        ("config.yml", "    streaming:", "    streeming:", "streaming"),
        ("config.yml", "stream_first: false", "stream_first: true", "before they were checked"),
        ("config.yml", "chunk_size: 40", "chunk_size: 0", "chunk_size"),
        ("config.yml", "enabled: true", "enabled: false", "windows of an answer"),
        ("config.yml", 'colang_version: "1.0"', 'colang_version: "2.x"', "Colang 2"),
        ("config.yml", "passthrough: true", "passthrough: true\nmodels: []", "does not belong"),
        ("config.yml", "passthrough: true", "passthrough: true\nprompts: []", "does not belong"),
        ("config.yml", "passthrough: true", "passthrough: true\npassthrough: no", "stands twice"),
        ("messages/en.yml", "  greeting:", "  greting:", "greting"),
        ("messages/en.yml", "language: en", "language: zh", "another language"),
    ],
)
def test_a_planted_mistake_is_refused(
    folder: Path, file: str, old: str, new: str, what: str
) -> None:
    """The file is named, and the mistake."""
    edit(folder / file, old, new)
    found = problems(folder)
    assert any(what in problem.what for problem in found), "\n".join(map(str, found))
    assert file in {problem.file for problem in found} or file.startswith("messages")


def test_a_prompt_without_room_for_the_longest_message_is_refused(folder: Path) -> None:
    """NeMo blocks what is over max_length, so every long message would be stopped as a fault."""
    edit(folder / "strictness.yml", "  message: 8000", "  message: 900000")
    found = problems(folder)
    assert {(p.file, "no room" in p.what, "max_length: " in p.fix) for p in found} == {
        ("prompts.yml", True, True)
    }


def test_an_unknown_variable_of_a_prompt_is_refused(folder: Path) -> None:
    """A misspelt variable would judge an empty text."""
    path = folder / "prompts.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("{{ user_input }}", "{{ user_inptu }}", 1), encoding="utf-8")
    found = [problem.what for problem in problems(folder)]
    assert "unknown variable 'user_inptu' in 'constitution_judge_input'" in found
    assert "'constitution_judge_input' never uses 'user_input'" in found


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("output_parser: is_content_saef", "unknown parser 'is_content_saef'"),
        ("output_parser: plain_text", "unknown parser 'plain_text'"),
        ("max_tokens: 99", "no parser"),
    ],
)
def test_an_unknown_or_missing_parser_is_refused(folder: Path, new: str, what: str) -> None:
    """NeMo would take the raw reply for a pass."""
    path = folder / "prompts.yml"
    text = path.read_text(encoding="utf-8")
    new_text = text.replace("output_parser: constitution_violations\n    max_tokens: 200", new, 1)
    path.write_text(new_text, encoding="utf-8")
    assert what in the_problem(folder)


def test_broken_jinja_is_refused_with_its_line(folder: Path) -> None:
    """NeMo would find it with the first request."""
    path = folder / "prompts.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("{{ bot_response }}", "{{ bot_response }", 1), encoding="utf-8")
    problem = problems(folder)[0]
    assert problem.what.startswith("Jinja: ")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert (
        abs(
            next(i for i, one in enumerate(lines, 1) if "bot_response }" in one and "}}" not in one)
            - problem.line
        )
        <= 2
    )


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("config.py", "code in a policy folder"),
        ("actions.py", "code in a policy folder"),
        ("rails/actions.py", "code in a policy folder"),
        ("kb/guide.md", "a knowledge base"),
        ("more.yml", "nothing reads this file"),
        ("rules/rules.yaml", "nothing reads this file"),
        ("rails.co", "nothing reads this file"),
        ("messages/fr.yml", "nothing reads this file"),
    ],
)
def test_a_stray_file_is_refused(folder: Path, path: str, what: str) -> None:
    """Code is never run from a policy, and a misnamed file is never silently left out."""
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text("x: 1\n")
    assert what in the_problem(folder)


@pytest.mark.parametrize("name", [".DS_Store", "config.yml~", ".#config.yml", "x.swp", "README.md"])
def test_leftovers_of_editors_count_for_nothing(folder: Path, name: str) -> None:
    """They change neither the policy nor its version."""
    version = load_policy(folder).version
    (folder / name).write_text("anything")
    assert load_policy(folder).version == version


@pytest.mark.parametrize("file", ["constitution.yml", "config.yml", "messages/zh.yml"])
def test_a_missing_file_is_told(folder: Path, file: str) -> None:
    """Half a policy is none."""
    (folder / file).unlink()
    assert f"{file}: the file is missing" in "\n".join(map(str, problems(folder)))


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """The name of the folder is in the message."""
    with pytest.raises(PolicyError, match="no such folder"):
        load_policy(tmp_path / "nowhere")


def rule(**changes: object) -> dict[str, object]:
    return PIPE_BOMB | changes


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"principle": "no-such"}, "there is no principle 'no-such'"),
        ({"principle": "honesty"}, "would never run at input, output"),
        ({"any": ["("]}, "no regular expression"),
        ({"any": ["a*"]}, "matches every text"),
        ({"any": [r"(\w+\s?)+bomb"]}, "repetition inside a repetition"),
        ({"any": ["Pipe bomb"]}, "upper-case letters never match"),
        ({"hints": ["missile"]}, "does not match this test"),
        ({"any": ["bomb"]}, "matches this test"),
        ({"hints": ["Bomb"]}, "lower-case"),
        ({"any": []}, "needs patterns"),
        ({"stages": ["inptu"]}, "stages"),
    ],
)
def test_a_wrong_rule_is_refused(folder: Path, changes: dict[str, object], what: str) -> None:
    """A rule that cannot match, matches all or names nothing is an error with its line."""
    dump(folder / "rules" / "all.yml", RULES | {"rules": [rule(**changes)]})
    assert what in "\n".join(map(str, problems(folder)))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"any": ["hello.*"]}, "leaves room for anything"),
        ({"any": ["hello .{0,40}"]}, "leaves room for anything"),
        ({"any": ["(hello"]}, "no regular expression"),
        ({"any": ["hello there"]}, "does not match this test"),
        ({"tests": {"matches": ["hello"], "passes": ["Hello"]}}, "matches this test"),
        ({"id": "pipe-bomb"}, "a second rule 'pipe-bomb'"),
    ],
)
def test_a_wide_allowance_is_refused(folder: Path, changes: dict[str, object], what: str) -> None:
    """An allow list must not become a way in."""
    allowance = {"id": "greets", "any": ["hello"], "tests": {"matches": ["hello"]}} | changes
    dump(folder / "rules" / "zz.yml", {"version": 1, "allow": [allowance]})
    assert what in the_problem(folder)


def test_sections_and_ids_stand_once_across_files(folder: Path) -> None:
    """What two files define, one of them would lose."""
    dump(folder / "rules" / "more.yml", RULES | {"rules": [rule()]})
    text = "\n".join(map(str, problems(folder)))
    assert "'personal_data' stands in two files, also in rules/all.yml" in text
    assert "'bloat' stands in two files" in text
    assert "a second rule 'pipe-bomb', also in rules/all.yml" in text


def test_a_category_means_one_principle(folder: Path) -> None:
    """Otherwise one of them would never be reported."""
    twice = [*principles(), principle("other", maps_to={"qwen3guard": ["Violent"]})]
    dump(folder / "constitution.yml", {"version": 1, "principles": twice})
    assert "'Violent' already means 'no-weapons'" in the_problem(folder)


def test_a_principle_without_tests_is_refused(folder: Path) -> None:
    """Nobody could tell whether it works."""
    bare = principle("bare")
    del bare["examples"]
    dump(folder / "constitution.yml", {"version": 1, "principles": [*principles(), bare]})
    assert "'principles.9.examples' is missing" in the_problem(folder)


@pytest.mark.parametrize("text", ["stray {brace", "uses {other}"])
def test_a_message_that_cannot_be_filled_is_refused(folder: Path, text: str) -> None:
    """A person never reads a template, and no block fails over its own words."""
    edit(
        folder / "messages" / "en.yml",
        "    text: I hid personal data in this answer.",
        f"    text: {text}",
    )
    assert "'masked'" in the_problem(folder)


def test_every_problem_is_told_at_once(folder: Path) -> None:
    """Nobody fixes one mistake to learn of the next."""
    edit(folder / "config.yml", "chunk_size: 40", "chunk_size: 0")
    edit(folder / "strictness.yml", "  message: 8000", "  mesage: 8000")
    assert {problem.file for problem in problems(folder)} == {"config.yml", "strictness.yml"}


def test_the_version_is_the_content(folder: Path) -> None:
    """The same bytes make the same version, any change another one."""
    before = load_policy(folder).version
    assert load_policy(folder).version == before
    edit(folder / "strictness.yml", "  message: 8000", "  message: 8001")
    assert load_policy(folder).version != before
    assert len(before) == 12


def decided(policy: Policy, principle_id: str | None, **changes: object) -> Decision:
    return Decision(
        id="d",
        stage=changes.pop("stage", Stage.INPUT),  # type: ignore[arg-type]  # test data
        outcome=Outcome.BLOCK,
        policy_version=policy.version,
        strictness=Strictness.BALANCED,
        principle=principle_id,
        **changes,  # type: ignore[arg-type]  # test data
    )


def test_a_stopped_person_reads_the_principles_words() -> None:
    """The most exact message wins, in the person's language; a fault is never their fault."""
    policy = load_policy(SHIPPED)
    block = policy.refusal(decided(policy, "no-crime", action=Action.BLOCK), "en")
    assert policy.principle("no-crime").summary["en"] in block
    helped = policy.refusal(decided(policy, "self-harm-care", action=Action.REPLACE), "zh")
    assert "12356" in helped
    fault = policy.refusal(decided(policy, None, failed=True, stage=Stage.OUTPUT), "en")
    assert fault == policy.message("failed_output", "en")
    document = policy.refusal(decided(policy, "integrity", stage=Stage.RETRIEVAL), "en")
    assert document == policy.messages.of_principle(
        "blocked_retrieval", policy.principle("integrity"), "en"
    )


def test_a_principle_is_told_in_one_language() -> None:
    """What a page shows of a principle."""
    policy = load_policy(SHIPPED)
    text = policy.principle_text("privacy", "zh")
    assert (text.id, text.title) == ("privacy", "尊重隐私")
    assert len(text.alternatives) == 3
    with pytest.raises(KeyError):
        policy.principle("nothing")
