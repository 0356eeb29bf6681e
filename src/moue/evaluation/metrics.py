"""Metrics from true labels and probabilities, for any model; NumPy only.

Conventions of all functions: `y_true` is integer (N,), 0 to K-1; `y_prob` is float (N, K), each row a probability
distribution; the predicted class is the most probable one, the first of equals. Rates are fractions, not percentages.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.probabilities import check_predictions, negative_log_likelihood

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

NUM_BINS: Final = 15
"""Equal-width confidence bins of the expected calibration error, as in Guo et al. 2017 (arXiv:1706.04599)."""

_Z95: Final = 1.959963984540054
_Part = TypeVar("_Part", "ClassScore", "ReliabilityBin")


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """Scores of one class.

    Attributes:
        name: The class.
        precision: The fraction of the faces predicted as this class that are labelled so; 0 if there are none.
        recall: The fraction of the faces labelled as this class that are predicted so; 0 if there are none.
        f1: Harmonic mean of both; 0 if the class occurs neither in the labels nor in the predictions.
        support: Number of faces labelled as this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclasses.dataclass(frozen=True)
class ReliabilityBin:
    """One bar of a reliability diagram: faces with low < confidence <= high.

    Attributes:
        low: Lower edge.
        high: Upper edge.
        count: Number of faces; where it is 0, `accuracy` and `confidence` are 0 and mean nothing.
        accuracy: Fraction of them that is predicted correctly.
        confidence: Their mean confidence.
    """

    low: float
    high: float
    count: int
    accuracy: float
    confidence: float


@dataclasses.dataclass(frozen=True)
class Scores:
    """All metrics of one set of predictions.

    Attributes:
        num_faces: N, how many faces were scored.
        accuracy: Fraction whose most probable class is the label.
        accuracy_interval: Wilson 95 % interval of it (sampling of faces only, not the spread over seeds).
        balanced_accuracy: Mean recall over the classes that occur in `y_true`.
        macro_f1: Mean F1 over the classes that occur in `y_true` or among the predictions.
        top2: Fraction whose label is among the two most probable classes.
        nll: Mean negative log-likelihood in nats: Keras' categorical cross-entropy.
        brier: Mean over faces of the squared error summed over classes, 0 to 2.
        ece: Expected calibration error over `NUM_BINS` equal-width bins.
        per_class: One entry per class, in label order.
        confusion_matrix: K x K counts, rows true, columns predicted.
        bins: The reliability diagram.
    """

    num_faces: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    top2: float
    nll: float
    brier: float
    ece: float
    per_class: tuple[ClassScore, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    bins: tuple[ReliabilityBin, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(entry.name for entry in self.per_class)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings, lists and dicts, fit for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Scores:
        """Rebuild scores from the result of `to_dict`, also after a round trip through JSON.

        Raises:
            MoueError: a field is missing or of the wrong kind.
        """
        try:
            low, high = value["accuracy_interval"]
            return cls(
                num_faces=int(value["num_faces"]),
                accuracy_interval=(float(low), float(high)),
                per_class=tuple(_read(ClassScore, entry) for entry in value["per_class"]),
                confusion_matrix=tuple(tuple(int(cell) for cell in row) for row in value["confusion_matrix"]),
                bins=tuple(_read(ReliabilityBin, entry) for entry in value["bins"]),
                **{name: float(value[name]) for name in _PLAIN},
            )
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise MoueError(
                f"these are not moue's scores: {error!r}", "the fields of Scores", "Evaluate the model again."
            ) from error


def _read(kind: type[_Part], entry: Mapping[str, Any]) -> _Part:
    """Build a class score or a bin from JSON values, each converted to the type of its field."""
    return kind(**{field.name: _TYPES.get(field.name, float)(entry[field.name]) for field in dataclasses.fields(kind)})


_TYPES: Final[dict[str, type]] = {"name": str, "support": int, "count": int}
_PLAIN: Final = ("accuracy", "balanced_accuracy", "macro_f1", "top2", "nll", "brier", "ece")


def score(y_true: ArrayLike, y_prob: ArrayLike, class_names: Sequence[str] = CLASS_NAMES) -> Scores:
    """Return all metrics of a set of predictions.

    Args:
        y_true: Labels, integer (N,), 0 to K-1.
        y_prob: Probabilities, float (N, K), rows summing to 1.
        class_names: The K names in label order.

    Raises:
        MoueError: there is nothing to score, or an array has the wrong shape, kind or range.
    """
    labels, probabilities = check_predictions(y_true, y_prob)
    if len(class_names) != probabilities.shape[1]:
        raise MoueError(
            f"{probabilities.shape[1]} probabilities per face", f"{len(class_names)}: {', '.join(class_names)}"
        )
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), len(class_names))
    per_class = _class_scores(matrix, class_names)
    correct = int(np.trace(matrix))
    occurs = matrix.sum(axis=1) > 0
    involved = occurs | (matrix.sum(axis=0) > 0)
    bins = reliability_bins(labels, probabilities)
    return Scores(
        num_faces=len(labels),
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        balanced_accuracy=float(np.mean([entry.recall for entry, used in zip(per_class, occurs, strict=True) if used])),
        macro_f1=float(np.mean([entry.f1 for entry, used in zip(per_class, involved, strict=True) if used])),
        top2=_top_fraction(labels, probabilities, 2),
        nll=negative_log_likelihood(labels, probabilities),
        brier=float(np.square(probabilities - np.eye(len(class_names))[labels]).sum(axis=1).mean()),
        ece=sum(entry.count * abs(entry.accuracy - entry.confidence) for entry in bins) / len(labels),
        per_class=per_class,
        confusion_matrix=tuple(tuple(row) for row in matrix.tolist()),
        bins=bins,
    )


def confusion_matrix(y_true: NDArray[Any], y_pred: NDArray[Any], num_classes: int) -> NDArray[np.int64]:
    """Return counts (num_classes, num_classes): rows true, columns predicted; both inputs are integer (N,)."""
    flat = y_true.astype(np.int64) * num_classes + y_pred.astype(np.int64)
    return np.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes)


def reliability_bins(
    y_true: NDArray[np.int64], y_prob: NDArray[np.float64], num_bins: int = NUM_BINS
) -> tuple[ReliabilityBin, ...]:
    """Return accuracy and mean confidence in `num_bins` equal-width bins of confidence, (low, high] each.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
    """
    confidence = y_prob.max(axis=1)
    right = y_prob.argmax(axis=1) == y_true
    index = np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    counts = np.bincount(index, minlength=num_bins)
    divisor = np.maximum(counts, 1)
    accuracies = np.bincount(index, weights=right, minlength=num_bins) / divisor
    confidences = np.bincount(index, weights=confidence, minlength=num_bins) / divisor
    return tuple(
        ReliabilityBin(k / num_bins, (k + 1) / num_bins, int(counts[k]), float(accuracies[k]), float(confidences[k]))
        for k in range(num_bins)
    )


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927), which stays inside 0-1 and works near the ends."""
    if not 0 <= successes <= trials or trials < 1:
        raise MoueError(f"{successes} successes of {trials}", "0 to N successes of N trials, N of 1 or more")
    share, square = successes / trials, _Z95**2 / trials
    centre = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return max(0.0, centre - half), min(1.0, centre + half)


def _class_scores(matrix: NDArray[np.int64], class_names: Sequence[str]) -> tuple[ClassScore, ...]:
    hits, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    columns = zip(class_names, precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), strict=True)
    return tuple(ClassScore(*column) for column in columns)


def _top_fraction(y_true: NDArray[np.int64], y_prob: NDArray[np.float64], k: int) -> float:
    # A stable sort keeps equals in class order, so that top-1 would be exactly the argmax.
    best = np.argsort(-y_prob, axis=1, kind="stable")[:, :k]
    return float((best == y_true[:, None]).any(axis=1).mean())
