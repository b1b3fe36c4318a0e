"""Calibrate the quantised models on the dev split and choose the default thresholds there."""

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from guardrails.classifier.charmodel import CharacterModel
from guardrails.classifier.encoder import Encoder
from guardrails.classifier.gates import Gates
from guardrails.classifier.gloss import Gloss
from guardrails.classifier.linear import LinearModel
from guardrails.classifier.training.corpus import DEV, Row
from guardrails.classifier.training.fit_encoder import HEADS
from guardrails.classifier.wordpiece import WordPiece

SIGNALS = ("harm", "jailbreak", "instruction")
GATES = {"foreign_share": 0.1, "characters": 1800.0}

MISS_AT_MOST, MISS_AT_LEAST = 0.005, 0.001
"""Shares of dev harmful texts the router may clear; the target allows 0.01 on unseen ones."""
CLEAR_ENOUGH = {"en": 0.85, "zh": 0.6}
"""Share of harder ordinary dev texts (instructions, written ones) to stay clear: between the
two misses above, the bound is lowered as long as this holds."""
EXIT_MISS = 0.001
"""Share of dev harmful texts below the bound of the first stage."""
ORDINARY_JAILBREAK_UNSURE = 0.025
BLOCKED_ORDINARY, BLOCKED_LOOKALIKE = 0.0012, 0.008
BLOCKED_JAILBREAK, BLOCKED_JAILBREAK_LOOKALIKE = 0.001, 0.01
INSTRUCTION_FALSE = 0.01


def lookalike(row: Row) -> bool:
    """Whether a benign row was written to resemble harmful ones."""
    return row.harm == 0 and (
        "hard-benign" in row.source
        or row.source.startswith("phrases-benign")
        or row.source == "mitre-frr"
    )


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


def _fit(columns: list[np.ndarray], y: np.ndarray) -> tuple[float, ...]:
    model = LogisticRegression(C=1.0, max_iter=1000).fit(np.stack(columns, 1), y)
    return (*model.coef_[0].tolist(), float(model.intercept_[0]))


def load_parts(out: Path) -> tuple[LinearModel, Encoder, CharacterModel]:
    """Read the models just written, as the run time does."""
    with np.load(out / "linear.npz") as f:
        linear = LinearModel(tuple(f["heads"].tolist()), f["weights"], f["scale"], f["bias"])
    encoder = Encoder(
        HEADS,
        WordPiece.load(out / "vocabulary.txt"),
        np.load(out / "embeddings.npy"),
        np.load(out / "embedding_scales.npy"),
        out / "encoder.onnx",
    )
    return linear, encoder, CharacterModel(np.load(out / "characters.npy"))


def run(
    rows: list[Row], texts: list[str], out: Path
) -> tuple[dict[str, object], dict[str, dict[str, float]]]:
    """Return the manifest's record and the thresholds."""
    linear, encoder, characters = load_parts(out)
    pick = [i for i, r in enumerate(rows) if r.split == DEV and r.lang in {"en", "zh"}]
    dev, text = [rows[i] for i in pick], [texts[i] for i in pick]
    lin = linear.logits(text)[:, :3]
    english = np.array([r.lang == "en" for r in dev])
    gloss = Gloss.load(out / "gloss.txt")
    enc = encoder.logits(
        [t if e else gloss.translate(t) for t, e in zip(text, english, strict=True)]
    )
    ordinary = np.array([r.ordinary and r.harm == 0 for r in dev])

    plain = np.array(
        [
            r.lang == "en"
            and (r.ordinary or lookalike(r))
            and t.isascii()
            and r.form not in {"typos", "leet"}
            for r, t in zip(dev, text, strict=True)
        ]
    )
    kept = [t for t, p in zip(text, plain, strict=True) if p]
    gates = {
        **GATES,
        "surprise": float(np.quantile([characters.surprise(t) for t in kept], 0.99)),
        "foreign_bits": float(np.quantile([characters.mean(t) for t in kept], 0.995)),
    }
    rule = Gates(
        gates["foreign_share"], gates["surprise"], gates["foreign_bits"], int(gates["characters"])
    )
    gated = np.array([bool(rule.check(t, characters)[1]) for t in text])

    table: dict[str, dict[str, tuple[float, ...]]] = {}
    p: dict[str, np.ndarray] = {}
    for lang, of in (("en", english), ("zh", ~english)):
        both, first = table.setdefault(lang, {}), table.setdefault(f"{lang}-linear", {})
        for j, head in enumerate(SIGNALS):
            y = np.array([-1 if getattr(r, head) is None else getattr(r, head) for r in dev])
            pick_y = (y >= 0) & of
            both[head] = _fit([enc[pick_y, j], lin[pick_y, j]], y[pick_y])
            first[head] = (0.0, *_fit([lin[pick_y, j]], y[pick_y]))
        for name in (lang, f"{lang}-linear"):
            p[name] = np.stack(
                [
                    sigmoid(c[0] * enc[:, j] + c[1] * lin[:, j] + c[2])
                    for j, c in enumerate(table[name][head] for head in SIGNALS)
                ],
                axis=1,
            )

    harm = np.array([r.harm == 1 and r.source != "moderation-flagged" for r in dev])
    attack = np.array([r.jailbreak == 1 for r in dev])
    benign = np.array([r.harm == 0 and r.jailbreak == 0 for r in dev])
    alike = np.array([lookalike(r) for r in dev])
    harder = np.array([r.source.startswith(("written", "self-instruct", "phrases")) for r in dev])
    framed = alike | np.array([r.harm == 0 and "wrappers" in r.source for r in dev])
    sentences = np.array([r.instruction == 0 for r in dev])
    asked = np.array([r.instruction == 1 for r in dev])
    thresholds: dict[str, dict[str, float]] = {}
    exits: dict[str, dict[str, float]] = {}
    for lang, of in (("en", english), ("zh", ~english)):
        h, jb, ins = (p[lang][:, j] for j in range(3))
        t_j = float(np.quantile(jb[ordinary & of], 1 - ORDINARY_JAILBREAK_UNSURE))
        wild = harm & of & ~gated & (jb < t_j)  # what only the harm head can stop
        share = (harm & of).sum() / wild.sum()
        most, least = (
            float(np.quantile(h[wild], min(0.5, miss * share)))
            for miss in (MISS_AT_MOST, MISS_AT_LEAST)
        )
        enough = float(np.quantile(h[ordinary & harder & of], CLEAR_ENOUGH[lang]))
        clear = min(most, max(least, enough))
        print(lang, "clear bound: most", most, "least", least, "enough", enough, flush=True)
        violation = max(
            float(np.quantile(h[ordinary & of], 1 - BLOCKED_ORDINARY)),
            float(np.quantile(h[alike & of], 1 - BLOCKED_LOOKALIKE)),
            clear,
        )
        bounds = {
            "clear_below": clear,
            "violation_above": violation,
            "jailbreak_clear_below": t_j,
            "jailbreak_violation_above": max(
                t_j,
                float(np.quantile(jb[benign & of], 1 - BLOCKED_JAILBREAK)),
                float(np.quantile(jb[framed & of], 1 - BLOCKED_JAILBREAK_LOOKALIKE)),
            ),
            "instruction": float(np.quantile(ins[sentences & of], 1 - INSTRUCTION_FALSE)),
        }
        thresholds[lang] = {k: round(min(1.0, max(0.0, v)), 5) for k, v in bounds.items()}
        h1, j1, i1 = (p[f"{lang}-linear"][:, j] for j in range(3))
        exits[lang] = {
            # Below: hardly any dev harmful text lies there. Above: hardly any benign one.
            "harm_low": min(clear, float(np.quantile(h1[harm & of], EXIT_MISS))),
            "jailbreak_low": min(t_j, float(np.quantile(j1[attack & of], 0.02))),
            "harm_high": max(violation, float(np.quantile(h1[benign & of], 0.9995))),
            "instruction_low": float(np.quantile(i1[asked & of], 0.002)),
            "instruction_high": float(np.quantile(i1[sentences & of], 0.9995)),
        }
    record = {"encoder_heads": list(HEADS), "calibration": table, "exits": exits, "gates": gates}
    print("thresholds", thresholds, "exits", exits, "gates", gates, flush=True)
    return record, thresholds
