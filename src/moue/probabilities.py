"""Probabilities: their checks, their loss, and the temperature that calibrates them.

Conventions as in `moue.evaluation.metrics`. Temperature scaling does not change which class is predicted: Guo et al.
2017, "On Calibration of Modern Neural Networks", ICML, arXiv:1706.04599.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PROBABILITY_FLOOR: Final = 1e-7
"""Keras clips probabilities to this before the logarithm, so that one certain mistake costs 16, not infinity."""

_SUM_TOLERANCE: Final = 2e-3  # half-precision networks round this much
MIN_TEMPERATURE: Final = 0.05
MAX_TEMPERATURE: Final = 20.0

_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_STEPS: Final = 48  # 6 * 0.618**48 is below 1e-9 in log T


def check_predictions(y_true: ArrayLike, y_prob: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Check labels and probabilities; return int64 (N,) and float64 (N, K), each row divided by its sum.

    Raises:
        MoueError: N is 0, K below 2, shapes or dtypes do not fit, a value is not finite or outside 0-1, a row does
            not sum to 1 within 0.002, or a label is outside 0 to K-1.
    """
    labels = np.asarray(y_true)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise MoueError(f"y_true is {labels.dtype} {labels.shape}", "integer labels (N,)", "Undo the one-hot coding.")
    if not len(labels):
        raise MoueError("there is nothing to score: no labels", "at least one face")
    probabilities = check_probabilities(y_prob)
    if len(probabilities) != len(labels):
        raise MoueError(f"{len(probabilities)} rows of probabilities for {len(labels)} labels", "one row per label")
    if int(labels.min()) < 0 or int(labels.max()) >= probabilities.shape[1]:
        raise MoueError(f"labels from {labels.min()} to {labels.max()}", f"0 to {probabilities.shape[1] - 1}")
    return labels.astype(np.int64), probabilities


def check_probabilities(y_prob: ArrayLike) -> NDArray[np.float64]:
    """Check probabilities; return them as float64 (N, K), each row divided by its sum.

    Raises:
        MoueError: not float (N, K) with K of 2 or more, a value not finite or outside 0-1, or a row's sum is not 1.
    """
    array = np.asarray(y_prob)
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind != "f":
        raise MoueError(f"y_prob is {array.dtype} {array.shape}", "float probabilities (N, K), K of 2 or more")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise MoueError(f"row {row} of y_prob is not finite: {values[row]}", "numbers", "Has the training diverged?")
    sums = values.sum(axis=1)
    bad = (np.abs(sums - 1.0) > _SUM_TOLERANCE) | (values < 0.0).any(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise MoueError(
            f"row {row} of y_prob is not a distribution: {np.round(values[row], 4).tolist()}, sum {sums[row]:.4f}",
            "values of 0 to 1 that sum to 1",
            "Apply softmax if these are logits.",
        )
    result: NDArray[np.float64] = values / sums[:, None]
    return result


def normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return non-negative rows (N, K), scaled to sum to 1; a row of zeros becomes 1/K everywhere."""
    sums = values.sum(axis=1, keepdims=True)
    result: NDArray[np.float64] = np.full_like(values, 1 / values.shape[1])
    np.divide(values, sums, out=result, where=sums > 0)
    return result


def negative_log_likelihood(y_true: NDArray[np.int64], y_prob: NDArray[np.float64]) -> float:
    """Return the mean categorical cross-entropy in nats, probabilities clipped to [1e-7, 1 - 1e-7] as Keras does."""
    chosen = y_prob[np.arange(len(y_true)), y_true]
    return float(-np.log(np.clip(chosen, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)).mean())


def fit_temperature(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Return the temperature T in [0.05, 20] that minimises the negative log-likelihood of softmax(log p / T).

    Fit it on the validation split, never on the test split. T above 1 makes an overconfident model less confident. The
    loss is convex in 1/T, so a golden-section search in log T finds its only minimum. If the model is right on every
    face, there is no minimum and T is 0.05.

    Args:
        y_true: Labels, integer (N,).
        y_prob: Probabilities, float (N, K).

    Raises:
        MoueError: there is nothing to fit on, or `check_predictions` refuses the arrays.
    """
    labels, probabilities = check_predictions(y_true, y_prob)
    logits = _logits(probabilities)
    margins = logits - logits[np.arange(len(labels)), labels][:, None]

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp.reduce(margins / math.exp(log_temperature), axis=1).mean())

    low, high = math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    loss_left, loss_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if loss_left <= loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - _GOLDEN * (high - low)
            loss_left = loss(left)
        else:
            low, left, loss_left = left, right, loss_right
            right = low + _GOLDEN * (high - low)
            loss_right = loss(right)
    return min(max(math.exp((low + high) / 2), MIN_TEMPERATURE), MAX_TEMPERATURE)


def apply_temperature(y_prob: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return softmax(log p / T), float64 (N, K); the ranking of the classes in each row does not change.

    Probabilities below 1e-7 count as 1e-7.

    Args:
        y_prob: Probabilities, float (N, K).
        temperature: T, a finite number above 0; 1 changes nothing.

    Raises:
        MoueError: `temperature` is not a finite number above 0, or `y_prob` is not a distribution.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise MoueError(f"temperature {temperature}", "a finite number above 0")
    return softmax(_logits(check_probabilities(y_prob)) / temperature)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row of float64 (N, K) as probabilities."""
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    result: NDArray[np.float64] = exponential / exponential.sum(axis=1, keepdims=True)
    return result


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # The same floor as in the reported loss, so that one rounded-off zero does not dominate the temperature.
    return np.log(np.maximum(probabilities, PROBABILITY_FLOOR))
