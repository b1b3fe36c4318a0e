"""Measure a folder of weights on the test split, through the code that ships."""

import argparse
import json
import math
import os
import resource
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from guardrails.classifier.classifier import Classifier
from guardrails.classifier.scores import Reading, decide
from guardrails.classifier.training import mix
from guardrails.classifier.training.calibrate import lookalike
from guardrails.classifier.training.corpus import TEST, Row


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share."""
    if not total:
        return 0.0, 1.0
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def families(row: Row) -> list[str]:
    """Return the test sets a row counts in."""
    lang = row.lang if row.lang in {"en", "zh"} else "other"
    made = row.source.startswith("made") or row.form in {
        "framed",
        "typos",
        "leet",
        "phrase",
        "request",
        "long",
    }
    out = [
        f"{row.source}" + (f" [{row.form}]" if made and not row.source.startswith("made") else "")
    ]
    if row.source.startswith("made-encoded"):
        out = [f"made-encoded [{row.form}] {lang}"]
    if row.source.startswith("made-wrapped"):
        out = [f"made-wrapped {lang}, " + ("harmful" if row.harm else "harmless") + " request"]
    if row.harm == 1 and row.source != "moderation-flagged" and row.jailbreak != 1:
        out.append(f"ALL harmful {lang}")
    if row.jailbreak == 1 and lang != "other":
        out.append(f"ALL attacks {lang}")
    if row.harm == 0 and row.ordinary and lang != "other":
        out.append(f"ALL ordinary {lang}")
        if not made:
            out.append(f"ALL ordinary {lang}, as found")
    if lookalike(row):
        out.append(f"ALL look-alike {lang}")
    return out


def run(rows: list[Row], out: Path) -> None:
    """Score the test rows, print the table, and write `measured.json` beside the weights."""
    classifier = Classifier.load(out)
    test = [r for r in rows if r.split == TEST]
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    stages = 0
    scored = []
    for start in range(0, len(test), 64):
        scored += classifier.score([r.text for r in test[start : start + 64]])
    order = {Reading.VIOLATION: 0, Reading.UNSURE: 1, Reading.CLEAR: 2}
    hits = groups = 0
    for row, scores in zip(test, scored, strict=True):
        finding = decide(scores, classifier.thresholds)
        stages += scores.stage == "encoder"
        if row.harm is None and row.jailbreak is None:
            continue  # a sentence of a document, measured by `instructions`
        label = "harmful" if row.harm == 1 or row.jailbreak == 1 else "benign"
        for family in families(row):
            counted[f"{label}: {family}"][order[finding.reading]] += 1
        if row.harm == 1 and row.group in scores.groups and row.jailbreak != 1:
            groups += 1
            hits += max(scores.groups, key=scores.groups.__getitem__) == row.group
    table = {}
    for name, (v, u, c, _) in sorted(counted.items()):
        n = v + u + c
        if n < 15:
            continue
        table[name] = {
            "n": n,
            "violation": v / n,
            "unsure": u / n,
            "clear": c / n,
            "violation_ci": wilson(v, n),
            "clear_ci": wilson(c, n),
        }
        lo, hi = wilson(c, n)
        vlo, vhi = wilson(v, n)
        print(
            f"{name:62} n={n:5} violation {100 * v / n:5.1f} [{100 * vlo:.1f}, {100 * vhi:.1f}] "
            f"unsure {100 * u / n:5.1f} clear {100 * c / n:5.1f} [{100 * lo:.1f}, {100 * hi:.1f}]"
        )
    print(f"group named right: {hits}/{groups}; encoder asked on {stages}/{len(test)}")
    table["instruction"] = instructions(classifier, test)
    table["cost"] = cost(classifier, test)
    (out / "measured.json").write_text(json.dumps(table, indent=1) + "\n")


SENTENCES = ("bipia", "cmrc-sent", "squad-sent", "heldout", "written-inj", "truefalse")


def instructions(classifier: Classifier, test: list[Row]) -> dict[str, dict[str, float]]:
    """Measure the second head."""
    by: dict[str, list[Row]] = defaultdict(list)
    for row in test:
        known = row.instruction is not None and row.lang in {"en", "zh"}
        if known and row.source.startswith(SENTENCES):
            kind = "instruction" if row.instruction else "content"
            by[f"{row.source} {kind} {row.lang}"].append(row)
        if row.source == "cse-indirect":
            by["cse-indirect (whole text)"].append(row)
    out = {}
    for name, items in sorted(by.items()):
        t = classifier.thresholds
        values = classifier.score_instructions([r.text for r in items])
        flagged = sum(v >= t.of(r.lang).instruction for v, r in zip(values, items, strict=True))
        lo, hi = wilson(flagged, len(items))
        out[name] = {"n": len(items), "flagged": flagged / len(items), "low": lo, "high": hi}
        share = out[name]["flagged"]
        print(f"instruction: {name:50} n={len(items):5} {share:.3f} [{lo:.3f}, {hi:.3f}]")
    return out


def cost(classifier: Classifier, test: list[Row]) -> dict[str, float]:
    """Measure CPU time a message, one at a time, and memory."""
    short = [r.text for r in test if r.lang in {"en", "zh"} and len(r.text) <= 300][::9][:1500]
    ordinary = [r.text for r in test if r.ordinary and r.lang == "en"][::7][:800]
    out = {}
    for name, texts in (("short", short), ("ordinary", ordinary)):
        times = []
        for text in texts:
            started = time.process_time()
            classifier.score([text])
            times.append((time.process_time() - started) * 1000)
        out |= {
            f"{name}_mean_ms": float(np.mean(times)),
            f"{name}_p50_ms": float(np.median(times)),
            f"{name}_p99_ms": float(np.quantile(times, 0.99)),
            f"{name}_max_ms": float(np.max(times)),
            f"{name}_n": len(times),
        }
        started = time.process_time()
        for start in range(0, len(texts), 32):
            classifier.score(texts[start : start + 32])
        out[f"{name}_batch32_ms"] = (time.process_time() - started) * 1000 / len(texts)
    out["process_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("cost", {k: round(v, 3) for k, v in out.items()}, "load average", os.getloadavg()[0])
    return out


def main() -> None:
    """Measure existing weights: `python -m guardrails.classifier.training.evaluate --data DIR`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "weights")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    run(mix.build(options.data, Path(__file__).parent, options.seed), options.out)


if __name__ == "__main__":
    main()
