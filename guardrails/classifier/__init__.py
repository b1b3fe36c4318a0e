"""The L1 classifier: calibrated scores of messages, answer windows and document sentences."""

from guardrails.classifier.classifier import Classifier
from guardrails.classifier.scores import Assessment, Bounds, Reading, Scores, Thresholds, decide
from guardrails.classifier.weights import WeightsError

__all__ = [
    "Assessment",
    "Bounds",
    "Classifier",
    "Reading",
    "Scores",
    "Thresholds",
    "WeightsError",
    "decide",
]
