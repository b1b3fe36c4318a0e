"""Noticing a secret word, however it is written."""

import base64
import codecs

import pytest

from guardrails.canary import Canary, squeeze

WORD = "covenant-canary-7f3k9q2m"
CANARY = Canary(WORD)


@pytest.mark.parametrize(
    "said",
    [
        WORD,
        WORD.upper(),
        " ".join(WORD),
        WORD.replace("-", "_"),
        f"**{WORD[:10]}**{WORD[10:]}",
        WORD[::-1],
        codecs.encode(WORD, "rot13"),
        WORD.encode().hex(),
        base64.b64encode(WORD.encode()).decode(),
        base64.b64encode(f"x{WORD}y".encode()).decode(),
        base64.b64encode(f"xx{WORD}yy".encode()).decode(),
    ],
)
def test_the_secret_is_found_in_any_spelling(said: str) -> None:
    """Spaced, decorated, reversed, rotated or encoded."""
    assert CANARY.is_in(squeeze(f"The code is {said}, thanks"))


def test_ordinary_text_is_not_the_secret() -> None:
    """Its parts are no leak."""
    assert not CANARY.is_in(squeeze("The covenant has a canary; 7 of 9."))


def test_a_beginning_is_noticed() -> None:
    """So that the rest can be awaited before it leaves."""
    assert CANARY.begun(squeeze("it is covenant-ca")) == len("covenantca")
    assert CANARY.begun(squeeze("it is fine")) == 0


def test_a_short_secret_is_refused() -> None:
    """Ordinary text would hold it."""
    with pytest.raises(ValueError, match="12 letters"):
        Canary("abc-123")
