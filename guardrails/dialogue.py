"""What rails read: the turns of a conversation."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

_HAN: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
# One Chinese character says about as much as two Latin letters.
_HAN_SHARE: Final = 0.2


class Role(StrEnum):
    """Who speaks. Text of `SYSTEM` and `TOOL` is checked by rails of its own, never trusted."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance. Its text never appears in a repr."""

    role: Role
    text: str = field(repr=False)


def user_turn(messages: tuple[Message, ...]) -> str:
    """Join the consecutive user messages at the end of a conversation, oldest first.

    A rail that reads the last message only is passed by splitting a request over two messages in
    a row, so all of them are one turn.
    """
    trailing: list[str] = []
    for message in reversed(messages):
        if message.role is not Role.USER:
            break
        trailing.append(message.text)
    return "\n".join(reversed(trailing))


def spoken_language(text: str) -> Literal["en", "zh"]:
    """Tell whether templates should speak Chinese or English to the writer of `text`."""
    if text.isascii():
        return "en"
    han, letters = len(_HAN.findall(text)), len(_LETTER.findall(text))
    return "zh" if letters and han / letters >= _HAN_SHARE else "en"
