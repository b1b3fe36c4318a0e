"""Fit the hashed n-gram model: one logistic regression a head, by liblinear or by plain numpy."""

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from guardrails.classifier import features

HEADS = ("harm", "jailbreak", "instruction")


def matrix(texts: list[str]) -> sparse.csr_matrix:
    """Return features of normalised texts, each block of unit length, shape (n, BUCKETS)."""
    lengths = []
    data, indices = [], []
    for text in texts:
        chars, words = features.char_indices(text), features.word_indices(text)
        indices += [chars, words]
        data += [np.full(len(b), 1 / np.sqrt(max(1, len(b))), np.float32) for b in (chars, words)]
        lengths.append(len(chars) + len(words))
    return sparse.csr_matrix(
        (np.concatenate(data), np.concatenate(indices), np.cumsum([0, *lengths])),
        shape=(len(texts), features.BUCKETS),
    )


def fit(
    x: sparse.csr_matrix, y: np.ndarray, weight: np.ndarray, c: float = 20.0
) -> tuple[np.ndarray, float]:
    """Fit one head on features weighted by inverse document frequency; return weights and bias."""
    df = np.asarray((x > 0).sum(axis=0)).ravel()
    idf = np.where(df >= 2, np.log((1 + x.shape[0]) / (1 + df)) / 5, 0).astype(np.float32)
    model = LogisticRegression(C=c, solver="liblinear", tol=1e-3, max_iter=200)
    model.fit(x @ sparse.diags(idf), y, sample_weight=weight)
    return (model.coef_[0] * idf).astype(np.float32), float(model.intercept_[0])
