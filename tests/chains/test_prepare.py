import pytest

from chains.errors import BadRequestError, InternalError
from chains.prepare import language_of, prepare
from tests.fakes.scripted_rails import ScriptedRails
from tests.fakes.turns import bare_turn


async def test_pins_the_rails_in_force(rails: ScriptedRails) -> None:
    """A prepared turn carries the rails that were current when it began."""
    turn = await prepare(rails, max_chars=100).ainvoke(bare_turn("Hello"))

    assert rails is turn.pinned_rails


def test_a_turn_without_rails_has_no_path() -> None:
    """Asking an unprepared turn for its rails is a defect, not an open door."""
    with pytest.raises(InternalError):
        _ = bare_turn("Hello").pinned_rails


def test_removes_control_characters_and_blanks(rails: ScriptedRails) -> None:
    """Control characters and surrounding blanks go; line breaks and tabs inside stay."""
    turn = prepare(rails, max_chars=100).invoke(bare_turn("  a\x00b\n\tc\x7f  "))

    assert turn.question == "ab\n\tc"


@pytest.mark.parametrize("text", ["", "   ", "\x00\x01"])
def test_refuses_an_empty_message(rails: ScriptedRails, text: str) -> None:
    """A message with nothing in it is a bad request that names the field."""
    with pytest.raises(BadRequestError) as caught:
        prepare(rails, max_chars=100).invoke(bare_turn(text))

    assert caught.value.fields[0][0] == "message"


def test_refuses_a_message_over_the_bound(rails: ScriptedRails) -> None:
    """One character too many is refused and marked as too large; the bound itself passes."""
    stage = prepare(rails, max_chars=5)

    assert stage.invoke(bare_turn("12345")).question == "12345"
    with pytest.raises(BadRequestError) as caught:
        stage.invoke(bare_turn("123456"))
    assert caught.value.too_large


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is this?", "en"),
        ("这是什么？", "zh"),
        ("请解释 Transformer 模型", "zh"),
        ("Translate 你好 into English for me please", "en"),
        ("12345 !!!", "zh"),
    ],
)
def test_speaks_the_language_of_the_message(text: str, expected: str) -> None:
    """Templates follow the script of the message; a message without letters keeps the default."""
    assert expected == language_of(text, default="zh")
