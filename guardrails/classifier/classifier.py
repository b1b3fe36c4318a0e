"""The L1 classifier: a linear model first, a small encoder where that is unsure."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from guardrails.classifier.charmodel import CharacterModel
from guardrails.classifier.encoder import Encoder
from guardrails.classifier.features import normalise
from guardrails.classifier.gates import Gates, Language
from guardrails.classifier.gloss import Gloss
from guardrails.classifier.linear import LinearModel
from guardrails.classifier.scores import Scores, Thresholds
from guardrails.classifier.weights import SHIPPED, Manifest, WeightsError, verify
from guardrails.classifier.wordpiece import WordPiece

FloatArray = npt.NDArray[np.float32]

_SIGNALS: Final = ("harm", "jailbreak", "instruction")
"""Heads that are calibrated; the others tell principles apart."""


class Classifier:
    """Scores messages, windows of answers, and sentences of documents.

    It holds no state between calls and keeps no text; one instance serves all threads.
    """

    def __init__(
        self,
        manifest: Manifest,
        linear: LinearModel,
        encoder: Encoder,
        characters: CharacterModel,
        gloss: Gloss,
        thresholds: Thresholds,
    ) -> None:
        """Put the parts together; `load` reads them from files."""
        self.version = manifest.version
        """Identifies the weights."""
        self.thresholds = thresholds
        """The measured defaults that came with the weights."""
        self._linear = linear
        self._encoder = encoder
        self._characters = characters
        self._gloss = gloss
        self._calibration = manifest.calibration
        self._exits = manifest.exits
        self._gates = Gates(
            foreign_share=manifest.gates["foreign_share"],
            surprise=manifest.gates["surprise"],
            foreign_bits=manifest.gates["foreign_bits"],
            characters=int(manifest.gates["characters"]),
        )
        self._groups = tuple(head for head in linear.heads if head not in _SIGNALS)

    @classmethod
    def load(cls, directory: Path | None = None) -> "Classifier":
        """Read weights and check that they are the ones that were measured.

        Args:
            directory: A folder written by the training script; the shipped weights by default.

        Raises:
            WeightsError: A file is missing, damaged or of another format.
        """
        directory = SHIPPED if directory is None else directory
        manifest = verify(directory)
        try:
            with np.load(directory / "linear.npz") as stored:
                linear = LinearModel(
                    tuple(stored["heads"].tolist()),
                    stored["weights"],
                    stored["scale"],
                    stored["bias"],
                )
            encoder = Encoder(
                manifest.encoder_heads,
                WordPiece.load(directory / "vocabulary.txt"),
                np.load(directory / "embeddings.npy", mmap_mode="r"),
                np.load(directory / "embedding_scales.npy"),
                directory / "encoder.onnx",
            )
            characters = CharacterModel(np.load(directory / "characters.npy"))
            gloss = Gloss.load(directory / "gloss.txt")
            thresholds = Thresholds.parse(json.loads((directory / "thresholds.json").read_text()))
            return cls(manifest, linear, encoder, characters, gloss, thresholds)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{directory} does not fit this version: {error}") from error

    def score(self, texts: Sequence[str], *, floor: float = 0.0) -> list[Scores]:
        """Score texts; texts that need the encoder share its runs.

        Args:
            texts: Messages or windows of an answer, in English or Chinese. Text in any other
                language is scored too, and carries the `language` gate.
            floor: With a bound above 0 the encoder is asked only where the linear stage finds this
                much harm, and not about jailbreaks: windows of an answer are many, and their
                bounds are wide.

        Returns:
            One `Scores` for each text, in order.
        """
        if not texts:
            return []
        started = time.perf_counter()
        folded = [normalise(text) for text in texts]
        gated = [self._gates.check(text, self._characters) for text in folded]
        linear = self._linear.logits(folded)
        first = [self._signals(row, None, gate[0]) for row, gate in zip(linear, gated, strict=True)]
        encoded = self._encode(
            {
                i: self._for_encoder(folded[i], gate[0])
                for i, gate in enumerate(gated)
                if self._is_hard(first[i], *gate, floor=floor)
            }
        )
        share = (time.perf_counter() - started) * 1000 / len(texts)
        scored: list[Scores] = []
        for i, (language, gates) in enumerate(gated):
            row = encoded.get(i)
            signals = first[i] if row is None else self._signals(linear[i], row, language)
            scored.append(
                Scores(
                    harm=signals["harm"],
                    jailbreak=signals["jailbreak"],
                    groups=self._groups_of(linear[i], row),
                    gates=gates,
                    stage="linear" if row is None else "encoder",
                    language=language,
                    ms=share,
                )
            )
        return scored

    def score_instructions(self, sentences: Sequence[str]) -> list[float]:
        """Score sentences of a document: is each an instruction to the assistant?

        Args:
            sentences: Sentences of retrieved text, in English or Chinese.

        Returns:
            One probability, 0 to 1, for each sentence, in order.
        """
        if not sentences:
            return []
        folded = [normalise(sentence) for sentence in sentences]
        languages = [self._gates.check(text, self._characters)[0] for text in folded]
        linear = self._linear.logits(folded)
        scores = [
            self._signals(row, None, language)["instruction"]
            for row, language in zip(linear, languages, strict=True)
        ]
        hard = {
            i: self._for_encoder(folded[i], language)
            for i, language in enumerate(languages)
            if self._exits[language]["instruction_low"]
            <= scores[i]
            < self._exits[language]["instruction_high"]
        }
        for i, row in self._encode(hard).items():
            scores[i] = self._signals(linear[i], row, languages[i])["instruction"]
        return scores

    def _is_hard(
        self,
        signals: Mapping[str, float],
        language: Language,
        gates: tuple[str, ...],
        *,
        floor: float = 0.0,
    ) -> bool:
        """Whether the encoder is to be asked: the linear stage is unsure, and it can read this."""
        exits = self._exits[language]
        if "language" in gates or signals["harm"] >= exits["harm_high"]:
            return False
        if floor:
            return signals["harm"] >= max(floor, exits["harm_low"])
        return (
            signals["harm"] >= exits["harm_low"] or signals["jailbreak"] >= exits["jailbreak_low"]
        )

    def _for_encoder(self, text: str, language: Language) -> str:
        return self._gloss.translate(text) if language == "zh" else text

    def _encode(self, texts: Mapping[int, str]) -> dict[int, FloatArray]:
        return dict(zip(texts, self._encoder.logits(list(texts.values())), strict=True))

    def _signals(
        self, linear: FloatArray, encoded: FloatArray | None, language: Language
    ) -> dict[str, float]:
        """Return calibrated probabilities from one model's logits, or from both."""
        table = self._calibration[language if encoded is not None else f"{language}-linear"]
        signals = {}
        for head in _SIGNALS:
            of_encoder, of_linear, constant = table[head]
            logit = of_linear * float(linear[self._linear.heads.index(head)]) + constant
            if encoded is not None:
                logit += of_encoder * float(encoded[self._encoder.heads.index(head)])
            signals[head] = _sigmoid(logit)
        return signals

    def _groups_of(self, linear: FloatArray, encoded: FloatArray | None) -> Mapping[str, float]:
        logits = linear[[self._linear.heads.index(g) for g in self._groups]]
        if encoded is not None:
            logits = logits + encoded[[self._encoder.heads.index(g) for g in self._groups]]
        powers = np.exp(logits - logits.max())
        powers /= powers.sum()
        return dict(zip(self._groups, powers.tolist(), strict=True))


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
