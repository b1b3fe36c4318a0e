"""Turns as the stages after `prepare` see them."""

from dataclasses import replace

import pytest

from chains.turn import Turn
from tests.fakes.scripted_rails import ScriptedRails
from tests.fakes.turns import bare_turn


@pytest.fixture
def rails() -> ScriptedRails:
    """Rails that let everything pass."""
    return ScriptedRails()


@pytest.fixture
def turn(rails: ScriptedRails) -> Turn:
    """A prepared turn."""
    return replace(bare_turn("What is Covenant?"), rails=rails)
