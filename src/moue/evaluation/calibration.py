"""Temperature scaling: one number that makes confidences honest without changing any answer.

Guo et al. 2017, "On Calibration of Modern Neural Networks", ICML, arXiv:1706.04599.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError
from moue.evaluation.metrics import PROBABILITY_FLOOR, check_predictions, check_probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MIN_TEMPERATURE: Final = 0.05
MAX_TEMPERATURE: Final = 20.0

_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_STEPS: Final = 48  # 6 * 0.618**48 is below 1e-9 in log T


def fit_temperature(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Return the temperature T in [0.05, 20] that minimises the negative log-likelihood of softmax(log p / T).

    Fit it on the validation split and never on the test split. T above 1 tones an overconfident model down. The loss
    is convex in 1/T, so a golden-section search in log T finds its only minimum; where a model is right on every
    face there is none and T ends at 0.05.

    Args:
        y_true: Labels, integer (N,).
        y_prob: Probabilities, float (N, K).

    Raises:
        MoueError: nothing to fit on, or arrays as `metrics.check_predictions` refuses them.
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
    """Return softmax(log p / T), float64 (N, K); the order of the classes in each row stays.

    Probabilities below 1e-7 count as 1e-7.

    Args:
        y_prob: Probabilities, float (N, K).
        temperature: T, a finite number above 0; 1 changes nothing.

    Raises:
        MoueError: `temperature` is not a finite number above 0, or `y_prob` is no distribution.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise MoueError(f"temperature {temperature}", "a finite number above 0")
    scaled = _logits(check_probabilities(y_prob)) / temperature
    scaled -= scaled.max(axis=1, keepdims=True, initial=-np.inf)
    exponential = np.exp(scaled)
    result: NDArray[np.float64] = exponential / exponential.sum(axis=1, keepdims=True)
    return result


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # The floor of the reported loss, so that a rounded-off zero does not decide the temperature alone.
    return np.log(np.maximum(probabilities, PROBABILITY_FLOOR))
