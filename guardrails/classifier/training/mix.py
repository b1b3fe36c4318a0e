"""The training mix: rows of the corpus, their rewordings, and how many of each."""

import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import sparse

from guardrails.classifier import features
from guardrails.classifier.training import corpus, transforms
from guardrails.classifier.training.corpus import DEV, TEST, TRAIN, Row

CAPS = {  # at most this many training rows of a source, drawn at random
    "clinc": 4500,
    "squad-questions": 3800,
    "squad-sentences": 2500,
    "truefalse": 800,
    "cmrc-sentences": 1500,
    "cmrc-questions": 2000,
    "moderation-clean": 600,
}


def phrases(folder: Path) -> list[Row]:
    """Read verb phrases such as "pick a lock", one a line under headings `## label group lang`.

    Under `ordinary-text` whole sentences stand; they are taken as they are.
    """
    rows = []
    label, group, lang = "", "", ""
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                label, group, lang = line.split()[1:]
            elif line.strip():
                bad = label == "harmful"
                jailbreak = int(bad and group == "integrity")
                rows.append(
                    Row(
                        line.strip(),
                        f"phrases-{label}-{lang}",
                        line.strip(),
                        corpus.split_of(line),
                        None if jailbreak else int(bad),
                        jailbreak,
                        1,
                        group if bad else None,
                        lang,
                        label,
                        ordinary=label.startswith("ordinary"),
                    )
                )
    return rows


CONTENT = frozenset(
    {"squad-sentences", "cmrc-sentences", "truefalse", "bipia-mail", "self-instruct-output"}
)
"""Sources that are parts of documents or answers: nobody asks them of an assistant."""

TASKS = (
    "Summarise this text:",
    "Answer from the passage:",
    "Translate the following into German:",
    "What is the main point here?",
    "Correct the spelling:",
    "Rewrite this for children.",
    "List the names in this paragraph.",
    "Is this correct?",
    "Give the text a title.",
    "Read this first.",
    "Turn it into bullet points:",
    "Extract all dates:",
    "Continue the text:",
    "Classify the topic:",
)
TASKS_ZH = (
    "总结下面这段话：",
    "把下面的文字翻译成英文：",
    "根据材料回答问题。",
    "请润色：",
    "给这段文字起个标题：",
)


def longer(rows: list[Row], rng: random.Random) -> list[Row]:
    """Return long texts of both classes: a task, a passage, and a request before or after it.

    Without them a long text would say jailbreak or fiction by its length alone.
    """
    made = []
    for split, share in ((TRAIN, 1.0), (DEV, 0.25), (TEST, 0.25)):
        pools = {
            lang: [r.text for r in rows if r.split == split and r.source == source]
            for lang, source in (("en", "squad-sentences"), ("zh", "cmrc-sentences"))
        }
        pools["en"] += [
            r.text for r in rows if r.split == split and r.source == "self-instruct-output"
        ]
        asks = [
            r
            for r in rows
            if r.split == split
            and r.harm is not None
            and r.lang in pools
            and len(r.text) < 200
            and r.source not in CONTENT
            and not r.source.startswith("moderation")
        ]
        bad = [r for r in asks if r.harm == 1]
        good = [r for r in asks if r.harm == 0]
        for row in rng.sample(bad, int(500 * share)) + rng.sample(good, int(1400 * share)):
            passage = " ".join(rng.sample(pools[row.lang], rng.choice((1, 2, 3, 5))))
            task = rng.choice(TASKS if row.lang == "en" else TASKS_ZH)
            parts = rng.choice(
                (
                    (task, passage),
                    (row.text, passage),
                    (passage, row.text),
                    (task, passage, row.text),
                )
            )
            if row.harm and row.text not in parts:
                parts = (passage, row.text)
            made.append(
                replace(
                    row,
                    text=rng.choice((" ", "\n", "\n\n")).join(parts),
                    form="long",
                    instruction=None,
                )
            )
    return made


def reworded(rows: list[Row], rng: random.Random) -> list[Row]:
    """Return other forms of the requests of a corpus."""
    made: list[Row] = []
    for row in rows:
        if row.lang not in {"en", "zh"} or row.harm is None or row.source in CONTENT:
            continue
        if row.source.startswith(("clinc", "squad", "cmrc")):
            if rng.random() < 0.06:
                made.append(replace(transforms.frame(row, rng), source=row.source))
            continue
        count = 1 if row.split != TRAIN or row.source == "cas" else 3
        made += transforms.reword(row, rng, count)
    return made


def derive(rows: list[Row], phrase_rows: list[Row], seed: int) -> list[Row]:
    """Return the rows made by code from the others."""
    rng = random.Random(seed)
    made: list[Row] = []
    for row in phrase_rows:
        count = 3 if row.split != TRAIN else 6 if row.harm or row.lang == "zh" else 4
        whole = row.form == "ordinary-text"
        made += [row] if whole else transforms.phrase_forms(row, rng, count)
    made += reworded(rows, rng)
    made += longer(rows, rng)
    base = [r for r in [*rows, *made] if r.harm is not None and r.lang in {"en", "zh"}]
    for row in base:
        if len(row.text) >= 300 or row.source in CONTENT:
            continue
        p = rng.random()
        share = 0.12 if row.harm else 0.05
        if p < share:
            made.append(transforms.wrap(row, rng))
        elif p < share + 0.08:
            made.append(transforms.frame(row, rng))
        elif p < share + 0.12:
            made.append(transforms.disguise(row, rng))
        elif p < share + 0.14 and row.harm:
            made.append(transforms.encode(row, rng))
    return made


def drop_near_duplicates(rows: list[Row], threshold: float = 0.6) -> list[Row]:
    """Leave out training and dev rows that resemble a test row.

    Resemblance is the Jaccard overlap of character 5-gram sets, within harmful rows and within
    jailbreaks: there the same request occurs in several sources. Benign rows were compared by
    exact text already.
    """
    drop: set[int] = set()
    for pick in ("harm", "jailbreak"):
        index = [
            i
            for i, r in enumerate(rows)
            if getattr(r, pick) == 1 and r.lang == "en" and len(r.text) < 3000
        ]
        grams = [_grams(rows[i].text) for i in index]
        matrix = sparse.csr_matrix(
            (
                np.ones(sum(map(len, grams)), np.float32),
                np.concatenate(grams),
                np.cumsum([0, *map(len, grams)]),
            ),
            shape=(len(index), 1 << 20),
        )
        sizes = np.array([len(g) for g in grams], np.float32)
        test = np.array([k for k, i in enumerate(index) if rows[i].split == TEST])
        rest = np.array([k for k, i in enumerate(index) if rows[i].split != TEST])
        if not len(test) or not len(rest):
            continue
        for start in range(0, len(rest), 1000):
            part = rest[start : start + 1000]
            both = (matrix[part] @ matrix[test].T).toarray()
            union = sizes[part][:, None] + sizes[test][None, :] - both
            hit = (both / np.maximum(union, 1)).max(axis=1) >= threshold
            drop.update(index[k] for k in part[hit])
    return [r for i, r in enumerate(rows) if i not in drop]


def _grams(text: str) -> np.ndarray:
    text = " ".join(text.lower().split())
    return np.unique([hash_(text[i : i + 5]) for i in range(max(1, len(text) - 4))])


def hash_(gram: str) -> int:
    """Hash a gram to 20 bits, the same in every run."""
    value = 2166136261
    for c in gram:
        value = ((value ^ ord(c)) * 16777619) & 0xFFFFFFFF
    return value >> 12


def build(data: Path, here: Path, seed: int) -> list[Row]:
    """Return all rows, all splits, made rows included."""
    rng = random.Random(seed)
    rows = corpus.read(data, here / "examples")
    phrase_rows = phrases(here / "phrases")
    kept = drop_near_duplicates(rows)
    print(f"near-duplicates of test rows left out: {len(rows) - len(kept)}")
    by_source: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in kept:
        by_source[row.source, row.split].append(row)
    rows = []
    for (source, split), items in sorted(by_source.items()):
        cap = CAPS.get(source, len(items)) if split == TRAIN else min(len(items), 2500)
        rows += rng.sample(items, min(cap, len(items)))
    made = derive(rows, phrase_rows, seed)
    return [*rows, *made]


def features_of(text: str) -> str:
    """Return the normalised form that both models read."""
    return features.normalise(text)


__all__ = ["DEV", "TEST", "TRAIN", "build", "features_of"]
