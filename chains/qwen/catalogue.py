"""The Qwen weights that can be fetched: quantised by Qwen itself, small enough for a CPU.

Sizes and SHA-256 are those the hub publishes for these revisions (git-lfs object ids), as recorded
by several independent projects that pin the same files. A file that does not match is refused.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file on a model hub."""

    name: str
    """What people call it here."""
    repository: str
    """Owner and name on the hub."""
    revision: str
    """Commit of the repository."""
    file: str
    size: int
    """Bytes."""
    sha256: str
    memory: int
    """Bytes of memory it needs while it serves, with a context of 8,192 tokens."""
    summary: str
    """What it is good for, in a few words."""


_GB = 1_000_000_000

CATALOGUE: tuple[Weights, ...] = (
    Weights(
        name="qwen3-1.7b",
        repository="Qwen/Qwen3-1.7B-GGUF",
        revision="90862c4b9d2787eaed51d12237eafdfe7c5f6077",
        file="Qwen3-1.7B-Q8_0.gguf",
        size=1_834_426_016,
        sha256="061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a",
        memory=3 * _GB,
        summary="the default: follows instructions, runs on a laptop's CPU",
    ),
    Weights(
        name="qwen3-0.6b",
        repository="Qwen/Qwen3-0.6B-GGUF",
        revision="23749fefcc72300e3a2ad315e1317431b06b590a",
        file="Qwen3-0.6B-Q8_0.gguf",
        size=639_446_688,
        sha256="9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
        memory=2 * _GB,
        summary="the smallest and fastest, for a first look",
    ),
    Weights(
        name="qwen3-4b",
        repository="Qwen/Qwen3-4B-GGUF",
        revision="bc640142c66e1fdd12af0bd68f40445458f3869b",
        file="Qwen3-4B-Q4_K_M.gguf",
        size=2_497_280_256,
        sha256="7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
        memory=4 * _GB,
        summary="better answers, slow without a graphics card",
    ),
    Weights(
        name="qwen3-8b",
        repository="Qwen/Qwen3-8B-GGUF",
        revision="7c41481f57cb95916b40956ab2f0b139b296d974",
        file="Qwen3-8B-Q4_K_M.gguf",
        size=5_027_783_488,
        sha256="d98cdcbd03e17ce47681435b5150e34c1417f50b5c0019dd560e4882c5745785",
        memory=7 * _GB,
        summary="the best here, for machines with 16 GB and patience",
    ),
)
"""Weights by preference; the first is the default."""

DEFAULT = CATALOGUE[0]


def named(name: str) -> Weights | None:
    """Find weights by name, in any letter case."""
    return next((one for one in CATALOGUE if one.name == name.casefold()), None)
