"""Fine-tune all-MiniLM-L6-v2 (Apache-2.0), cut to a few layers, with one linear layer of heads.

The token embeddings stay frozen and are quantised before training, so training sees what the
shipped model will see. Attention and feed-forward layers are trained; heads read the mean of the
last hidden states.
"""

import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from guardrails.classifier.training.corpus import GROUPS, Row
from guardrails.classifier.wordpiece import WordPiece

HEADS = ("harm", "jailbreak", "instruction", *GROUPS)
COMMON = 27_600
WIDTH, ATTENTION_HEADS, INNER = 384, 12, 1536


@dataclass(frozen=True, slots=True)
class Base:
    """What is taken from the base model."""

    vocabulary: list[str]
    embeddings: np.ndarray  # int8 (V, 384)
    scales: np.ndarray  # float32 (V,)
    state: dict[str, torch.Tensor]


def load_base(folder: Path) -> Base:
    """Read MiniLM and leave out the pieces no English or digit text needs."""
    state = load_file(folder / "model.safetensors")
    state = {k.removeprefix("bert."): v.float() for k, v in state.items()}
    pieces = (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    # BERT's vocabulary is ordered by frequency: the rarest tenth is spelt with other pieces.
    keep = [i for i, p in enumerate(pieces[:COMMON]) if not p.startswith("[unused") and _latin(p)]
    table = state.pop("embeddings.word_embeddings.weight")[keep].numpy()
    scales = np.abs(table).max(axis=1) / 127 + 1e-12
    quantised = np.round(table / scales[:, None]).astype(np.int8)
    return Base([pieces[i] for i in keep], quantised, scales.astype(np.float32), state)


def _latin(piece: str) -> bool:
    return all(ord(c) < 0x250 or 0x2010 <= ord(c) <= 0x20BF for c in piece)


class Layer(nn.Module):
    """One BERT layer."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Apply self-attention and the feed-forward part; x (B, T, 384), bias (B, 1, 1, T)."""
        b, t, _ = x.shape
        q, k, v = (
            f(x).view(b, t, ATTENTION_HEADS, -1).transpose(1, 2)
            for f in (self.query, self.key, self.value)
        )
        a = functional.softmax(
            q @ k.transpose(-1, -2) / math.sqrt(WIDTH / ATTENTION_HEADS) + bias, dim=-1
        )
        y = (self.dropout(a) @ v).transpose(1, 2).reshape(b, t, WIDTH)
        x = self.norm1(x + self.dropout(self.out(y)))
        return self.norm2(x + self.dropout(self.down(functional.gelu(self.up(x)))))


class Encoder(nn.Module):
    """MiniLM's chosen layers and the heads, on embeddings looked up outside."""

    def __init__(self, base: Base, layers: tuple[int, ...], dropout: float = 0.1) -> None:
        super().__init__()
        s = base.state
        self.register_buffer(
            "position",
            s["embeddings.position_embeddings.weight"][:256]
            + s["embeddings.token_type_embeddings.weight"][0],
        )
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.norm.weight.data, self.norm.bias.data = (
            s["embeddings.LayerNorm.weight"],
            s["embeddings.LayerNorm.bias"],
        )
        self.layers = nn.ModuleList(Layer(dropout) for _ in layers)
        names = {
            "query": "attention.self.query",
            "key": "attention.self.key",
            "value": "attention.self.value",
            "out": "attention.output.dense",
            "norm1": "attention.output.LayerNorm",
            "up": "intermediate.dense",
            "down": "output.dense",
            "norm2": "output.LayerNorm",
        }
        for layer, index in zip(self.layers, layers, strict=True):
            for own, theirs in names.items():
                getattr(layer, own).weight.data = s[
                    f"encoder.layer.{index}.{theirs}.weight"
                ].clone()
                getattr(layer, own).bias.data = s[f"encoder.layer.{index}.{theirs}.bias"].clone()
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(WIDTH, len(HEADS))

    def forward(self, embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (B, heads) for embeddings (B, T, 384) and mask (B, T) of 1 and 0."""
        x = self.norm(embeddings + self.position[: embeddings.shape[1]])
        bias = (1.0 - mask)[:, None, None, :] * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        pooled = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return self.heads(self.dropout(pooled))


def targets(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (n, heads) and a mask of the same shape: 0 where a label is unknown."""
    y, m = (
        np.zeros((len(rows), len(HEADS)), np.float32),
        np.zeros((len(rows), len(HEADS)), np.float32),
    )
    for i, row in enumerate(rows):
        for j, name in enumerate(("harm", "jailbreak", "instruction")):
            value = getattr(row, name)
            if value is not None:
                y[i, j], m[i, j] = value, row.weight
        if row.harm == 0 and row.jailbreak == 0:
            m[i, 3:] = 0.3
        elif row.group in GROUPS:
            m[i, 3:] = 0.6
            y[i, 3 + GROUPS.index(row.group)] = 1.0
    return y, m


class Embedder:
    """Looks the quantised embeddings up and pads a batch."""

    def __init__(self, base: Base) -> None:
        self.wordpiece = WordPiece(base.vocabulary)
        self.table = torch.from_numpy(base.embeddings)
        self.scales = torch.from_numpy(base.scales)

    def batch(self, ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return embeddings (B, T, 384) and mask (B, T)."""
        longest = max(map(len, ids))
        padded = torch.tensor([i + [0] * (longest - len(i)) for i in ids])
        mask = torch.tensor([[1.0] * len(i) + [0.0] * (longest - len(i)) for i in ids])
        return self.table[padded].float() * self.scales[padded][:, :, None], mask


def train(  # noqa: PLR0913 - the knobs of one experiment
    base: Base,
    rows: list[Row],
    texts: list[str],
    *,
    layers: tuple[int, ...],
    epochs: int,
    seed: int,
    rate: float = 6e-5,
    max_tokens: int = 80,
    start_from: Path | None = None,
) -> Encoder:
    """Fine-tune on rows whose normalised texts are given."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    model, embed = Encoder(base, layers), Embedder(base)
    if start_from is not None:
        model.load_state_dict(torch.load(start_from))
    y, m = map(torch.from_numpy, targets(rows))
    ids = [embed.wordpiece.encode(t, max_tokens) for t in texts]
    bodies = [p for n, p in model.named_parameters() if not n.startswith("heads")]
    optimiser = torch.optim.AdamW(
        [{"params": bodies, "lr": rate}, {"params": model.heads.parameters(), "lr": 1e-3}],
        weight_decay=0.01,
    )
    steps_done, start = 0, time.time()
    batches = _batches(ids, rng)
    total = len(batches) * epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, s / (0.06 * total)) * max(0.02, 1 - s / total)
    )
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for batch in _batches(ids, rng):
            x, mask = embed.batch([ids[i] for i in batch])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(x, mask)
            want = y[batch] * 0.97 + 0.015
            loss = functional.binary_cross_entropy_with_logits(
                logits.float(), want, weight=m[batch], reduction="sum"
            )
            loss = loss / len(batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if steps_done < total - 1:
                schedule.step()
            steps_done += 1
            running = 0.98 * running + 0.02 * loss.item() if running else loss.item()
            if steps_done % 200 == 0:
                print(
                    json.dumps(
                        {
                            "epoch": epoch,
                            "step": steps_done,
                            "of": total,
                            "loss": round(running, 4),
                            "seconds": round(time.time() - start),
                        }
                    ),
                    flush=True,
                )
    return model.eval()


def _batches(
    ids: list[list[int]], rng: random.Random, budget: int = 1100, most: int = 48
) -> list[list[int]]:
    """Group rows of similar length; a batch holds at most `budget` tokens and `most` rows."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]) + rng.random() * 6)
    out: list[list[int]] = [[]]
    for i in order:
        if out[-1] and ((len(out[-1]) + 1) * len(ids[i]) > budget or len(out[-1]) >= most):
            out.append([])
        out[-1].append(i)
    rng.shuffle(out)
    return out


@torch.no_grad()
def predict(model: Encoder, base: Base, texts: list[str], max_tokens: int = 80) -> np.ndarray:
    """Return fp32 logits (n, heads)."""
    embed = Embedder(base)
    ids = [embed.wordpiece.encode(t, max_tokens) for t in texts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = np.zeros((len(ids), len(HEADS)), np.float32)
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        out[part] = model(*embed.batch([ids[i] for i in part])).numpy()
    return out
