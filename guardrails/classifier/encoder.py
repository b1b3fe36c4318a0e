"""The second stage: a few layers of MiniLM, int8, on ONNX Runtime.

Token embeddings are kept outside the graph as int8 rows, so they are neither duplicated in memory
nor widened. onnxruntime is imported when the first session is made.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from guardrails.classifier.wordpiece import WordPiece

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MAX_TOKENS: Final = 80
"""Tokens of one sequence; of a longer text, the first and the last half of this budget."""

MAX_VIEWS: Final = 4
"""Sequences read of one text."""

_BATCH_TOKENS: Final = 1024
"""Padded tokens of one run, which bounds the memory of a batch."""

FloatArray = npt.NDArray[np.float32]


class Encoder:
    """Scores texts with the fine-tuned encoder."""

    def __init__(
        self,
        heads: Sequence[str],
        wordpiece: WordPiece,
        embeddings: npt.NDArray[np.int8],
        scales: FloatArray,
        graph: Path,
    ) -> None:
        """Keep the parts; the session is made by the first call.

        Args:
            heads: Name of each output column.
            wordpiece: Tokeniser whose ids index `embeddings`.
            embeddings: Quantised token embeddings, shape (V, D).
            scales: Value of one step of each row, shape (V,).
            graph: ONNX file: `embeddings` (B, T, D) and `mask` (B, T) to `logits` (B, heads).
        """
        self.heads = tuple(heads)
        self._wordpiece = wordpiece
        self._embeddings = embeddings
        self._scales = scales
        self._graph = graph
        self._session: InferenceSession | None = None

    def _load(self) -> "InferenceSession":
        # Two threads that race here build two equal sessions; one is dropped.
        if self._session is None:
            import onnxruntime  # noqa: PLC0415 - most messages never need it, and it takes 100 ms

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            options.enable_cpu_mem_arena = False
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(
                str(self._graph), options, providers=["CPUExecutionProvider"]
            )
        return self._session

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return logits, shape (len(texts), heads), of normalised texts.

        A text longer than `MAX_TOKENS` is read in up to `MAX_VIEWS` parts, and the highest logit
        of each head counts. Sequences of similar length share a run, so padding stays small.
        """
        out = np.full((len(texts), len(self.heads)), -np.inf, dtype=np.float32)
        if not texts:
            return out
        session = self._load()
        views = [
            (row, ids)
            for row, text in enumerate(texts)
            for ids in self._wordpiece.views(text, MAX_TOKENS, MAX_VIEWS)
        ]
        views.sort(key=lambda view: len(view[1]))
        start = 0
        while start < len(views):
            end = start + 1
            while end < len(views) and (end + 1 - start) * len(views[end][1]) <= _BATCH_TOKENS:
                end += 1
            embeddings, mask = self._pad([ids for _, ids in views[start:end]])
            logits = session.run(None, {"embeddings": embeddings, "mask": mask})[0]
            np.maximum.at(out, [row for row, _ in views[start:end]], logits)
            start = end
        return out

    def _pad(self, ids: Sequence[Sequence[int]]) -> tuple[FloatArray, FloatArray]:
        longest = max(map(len, ids))
        padded = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros((len(ids), longest), dtype=np.float32)
        for row, sequence in enumerate(ids):
            padded[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1.0
        embeddings = self._embeddings[padded].astype(np.float32)
        embeddings *= self._scales[padded][:, :, None]
        return embeddings, mask
