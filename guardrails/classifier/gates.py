"""Rules that say which texts the models cannot be trusted on, whatever they score."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from guardrails.classifier.charmodel import CharacterModel

Language = Literal["en", "zh"]

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_CHINESE_SHARE: Final = 0.3
"""Share of Han among the letters from which a text is read as Chinese."""
_UNBROKEN: Final = re.compile(r"[a-z0-9+/=_-]{32,}")


@dataclass(frozen=True, slots=True)
class Gates:
    """Bounds of the rules, measured with the weights they ship with.

    Attributes:
        foreign_share: Largest share of letters outside the language's script.
        surprise: Largest `CharacterModel.surprise`, in bits a character, of English text.
        foreign_bits: Largest `CharacterModel.mean`, in bits a character, of English text; other
            languages in Latin script lie above it.
        characters: Longest text, in characters.
    """

    foreign_share: float
    surprise: float
    foreign_bits: float
    characters: int

    def check(self, text: str, model: CharacterModel) -> tuple[Language, tuple[str, ...]]:
        """Return the language whose model reads a text, and the names of the gates it hits.

        Args:
            text: A normalised text.
            model: Character model of English.
        """
        letters = sum(map(str.isalpha, text))
        han = 0 if text.isascii() else len(_HAN.findall(text))
        language: Language = "zh" if letters and han / letters >= _CHINESE_SHARE else "en"
        wide = 0 if text.isascii() else sum(1 for c in text if c > "\x7f" and c.isalpha())
        foreign = wide - han if language == "zh" else wide
        gates = []
        strange_script = letters > 0 and foreign / letters > self.foreign_share
        if strange_script or (language == "en" and model.mean(text) > self.foreign_bits):
            gates.append("language")
        if _UNBROKEN.search(text) or (language == "en" and model.surprise(text) > self.surprise):
            gates.append("machine_made")
        if len(text) > self.characters:
            gates.append("length")
        return language, tuple(gates)
