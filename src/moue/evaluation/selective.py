"""Accuracy without unsure predictions: accuracy against coverage, for all faces and for each class."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.evaluation.metrics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ALL_CLASSES: Final = "all"
COVERAGES: Final = tuple(step / 20 for step in range(1, 21))


@dataclasses.dataclass(frozen=True)
class Selective:
    """The risk-coverage curve of one predicted class, and its accuracy without unsure predictions.

    Attributes:
        output: The predicted class, or "all".
        num_faces: How many faces got this prediction.
        accuracy: Fraction of them that is correct: the precision of the class.
        sure_share: Fraction of them at or above the limit of `unsure`.
        sure_accuracy: Fraction of those that is correct; 0 if there are none.
        sure_interval: Wilson 95 % interval of it.
        area: Area under the risk-coverage curve: the mean risk over all coverages (AURC); 0 is best.
        curve: Accuracy of the most confident predictions, at each of `COVERAGES`.
    """

    output: str
    num_faces: int
    accuracy: float
    sure_share: float
    sure_accuracy: float
    sure_interval: tuple[float, float]
    area: float
    curve: tuple[float, ...]


def selective_scores(
    y_true: NDArray[np.int64], y_prob: NDArray[np.floating[Any]], class_names: Sequence[str], limit: float
) -> tuple[Selective, ...]:
    """Return the curve of all predictions, then that of each class that was predicted.

    Geifman & El-Yaniv 2017, "Selective classification for deep neural networks", arXiv:1705.08500.

    Args:
        y_true: int64 (N,), 0 to K-1.
        y_prob: Calibrated probabilities, float (N, K).
        class_names: The K names.
        limit: Predictions below this confidence are unsure.
    """
    y_pred, confidence = y_prob.argmax(axis=1), y_prob.max(axis=1)
    correct = y_pred == y_true
    curves = [_curve(ALL_CLASSES, correct, confidence, limit)]
    for label, name in enumerate(class_names):
        chosen = y_pred == label
        if chosen.any():
            curves.append(_curve(name, correct[chosen], confidence[chosen], limit))
    return tuple(curves)


def _curve(name: str, correct: NDArray[np.bool_], confidence: NDArray[np.floating[Any]], limit: float) -> Selective:
    ranked = correct[np.argsort(-confidence, kind="stable")]
    accuracy = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    sure = confidence >= limit
    num_sure, num_correct = int(sure.sum()), int(correct[sure].sum())
    return Selective(
        output=name,
        num_faces=len(correct),
        accuracy=float(accuracy[-1]),
        sure_share=num_sure / len(correct),
        sure_accuracy=num_correct / num_sure if num_sure else 0.0,
        sure_interval=wilson_interval(num_correct, num_sure) if num_sure else (0.0, 1.0),
        area=float(1 - accuracy.mean()),
        curve=tuple(float(accuracy[max(1, round(share * len(correct))) - 1]) for share in COVERAGES),
    )
