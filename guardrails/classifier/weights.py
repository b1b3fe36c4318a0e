"""Files of a trained classifier: where they lie, and that they are the ones that were measured."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHIPPED: Final = Path(__file__).parent / "weights"
"""The weights that come with the package."""

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1


class WeightsError(Exception):
    """The classifier's files are missing, changed or of another format."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` says of a folder of weights.

    Attributes:
        version: Identifies the training run.
        files: SHA-256 of each file, in hexadecimal, by name.
        encoder_heads: Columns of the encoder's output.
        calibration: For each language ("en", "zh", and "en-linear", "zh-linear" where the encoder
            was not asked) and head, the coefficients of encoder logit, linear logit and constant in
            the calibrated logit.
        exits: For each language, linear-stage bounds outside which the encoder is not asked.
        gates: Arguments of `Gates`.
    """

    version: str
    files: dict[str, str]
    encoder_heads: tuple[str, ...]
    calibration: dict[str, dict[str, tuple[float, float, float]]]
    exits: dict[str, dict[str, float]]
    gates: dict[str, float]


def verify(directory: Path) -> Manifest:
    """Read the manifest of a folder and check every file it names.

    Raises:
        WeightsError: A file is missing or differs from what the manifest says.
    """
    path = directory / MANIFEST
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise WeightsError(f"{path} has format {record['format']}; this version reads {FORMAT}")
        manifest = Manifest(
            version=record["version"],
            files=record["files"],
            encoder_heads=tuple(record["encoder_heads"]),
            calibration={
                language: {head: (c[0], c[1], c[2]) for head, c in heads.items()}
                for language, heads in record["calibration"].items()
            },
            exits=record["exits"],
            gates=record["gates"],
        )
    except FileNotFoundError:
        raise WeightsError(
            f"no classifier weights in {directory}; reinstall the package, or train them with "
            "`make train-classifier DATA=dir`"
        ) from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise WeightsError(f"{path} is not a manifest of classifier weights: {error}") from error
    for name, expected in manifest.files.items():
        try:
            found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            raise WeightsError(f"{directory / name} is missing; reinstall the package") from None
        if found != expected:
            raise WeightsError(
                f"{directory / name} is damaged or was changed: its SHA-256 is {found[:12]}…, "
                f"{expected[:12]}… was measured; reinstall the package"
            )
    return manifest
