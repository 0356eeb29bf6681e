"""How well a model classifies faces, to compare different ways of feeding it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.heads import EXPRESSION
from moue.probabilities import PROBABILITY_FLOOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.classifier.classifier import Classifier


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How well a model did on some faces.

    Attributes:
        accuracy: Share of faces whose predicted class is their label, or None without labels.
        confidence: Mean of the highest probability.
        loss: Mean negative log-likelihood of the labels; without labels, of the most probable class.
        num_faces: How many faces were scored.
        most: The most frequent prediction with its share, as "sad for 57%".
    """

    accuracy: float | None
    confidence: float
    loss: float
    num_faces: int
    most: str

    @property
    def words(self) -> str:
        """The accuracy, or without labels the confidence, in words."""
        return f"{self.confidence:.0%} confidence" if self.accuracy is None else f"{self.accuracy:.0%} correct"

    def is_worse_than(self, other: Verdict) -> bool:
        """Return whether `other` is better by more than chance."""
        chance = 1 / math.sqrt(self.num_faces)
        if self.accuracy is None or other.accuracy is None:
            return other.confidence > self.confidence + 0.04 + 0.5 * chance
        return other.loss < self.loss - 0.2 and other.accuracy > self.accuracy + 0.04 + 1.5 * chance


class Judge:
    """Scores one head of a model against labels, or by its confidence if there are none.

    Args:
        model: The model.
        labels: Integer (N,), or None.
        class_names: The classes of the labels. Faces whose class the model does not know are left out.
    """

    def __init__(self, model: Classifier, labels: NDArray[np.int64] | None, class_names: Sequence[str]) -> None:
        self.model = model
        # Benchmarks score the first raw head; `expression` follows the FER+ voters instead.
        self.head = next(head for head in model.heads if head != EXPRESSION)
        self.class_names = model.spec.head(self.head).class_names
        column = {name: position for position, name in enumerate(self.class_names)}
        of_label = np.array([column.get(name, -1) for name in class_names])
        self.labels = None if labels is None else of_label[labels]

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the calibrated probabilities (N, K) of images, uint8 (N, H, W, C)."""
        return self.model.predict_proba(images, head=self.head)

    def verdict(self, y_prob: NDArray[np.float32], chosen: slice = slice(None)) -> Verdict:
        """Score probabilities (n, K) of the `chosen` faces."""
        best = y_prob.argmax(axis=1)
        confidence = float(y_prob.max(axis=1).mean())
        counts = np.bincount(best, minlength=len(self.class_names))
        most = f"{self.class_names[counts.argmax()]} for {counts.max() / len(best):.0%}"
        labels = None if self.labels is None else self.labels[chosen]
        known = None if labels is None else labels >= 0
        if labels is None or known is None or not known.any():
            return Verdict(None, confidence, _loss(y_prob, best), len(y_prob), most)
        accuracy = float((best == labels)[known].mean())
        return Verdict(accuracy, confidence, _loss(y_prob[known], labels[known]), int(known.sum()), most)


def _loss(y_prob: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(y_prob[np.arange(len(labels)), labels], PROBABILITY_FLOOR)).mean())
