"""What rails read: the turns of a conversation."""

from dataclasses import dataclass, field
from enum import StrEnum


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
