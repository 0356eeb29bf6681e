"""Fitting a head to a frozen trunk: the first step of fine-tuning.

A new head is random. Gradients through it would spoil the trunk before the head has learnt anything, so the head comes
first (Kumar et al. 2022, arXiv:2202.10054). With the trunk frozen, it is a logistic regression on fixed features,
which is solved here in a second, without a step size or a number of epochs to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.floating]
    Rows = tuple[Array, Array]
    """Features (N, D) and targets (N, K)."""
    Faces = tuple[NDArray[np.uint8], NDArray[np.float32]]
    """Images (N, H, W, C) and targets (N, K)."""

RIDGES: Final = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Penalties to try; the lowest validation loss decides."""

_STEPS: Final = 150
_MIN_SPREAD: Final = 1e-6


def fit_head(model: keras.Model, name: str, train: Faces, val: Faces) -> bool:
    """Fit a head to the features of the network; return whether it could be fitted.

    Args:
        model: The network with its trunk's weights.
        name: The head's layer; only a dense one is fitted.
        train: The faces to fit.
        val: The faces that decide the penalty.
    """
    layer = model.get_layer(name)
    if not isinstance(layer, keras.layers.Dense):
        return False
    trunk = keras.Model(model.inputs[0], layer.input)
    images = np.concatenate([train[0], train[0][:, :, ::-1]])  # a mirrored face has the same expression
    train_rows = (trunk.predict(images, batch_size=256, verbose=0), np.concatenate([train[1], train[1]]))
    val_rows = (trunk.predict(val[0], batch_size=256, verbose=0), val[1])
    layer.set_weights(best_regression(train_rows, val_rows))
    return True


def best_regression(train: Rows, val: Rows, ridges: Sequence[float] = RIDGES) -> tuple[Array, Array]:
    """Return kernel (D, K) and bias (K,) of the logistic regression with the lowest loss on `val`."""
    fitted = [fit_regression(*train, ridge) for ridge in ridges]
    losses = [cross_entropy(val[0] @ kernel + bias, val[1]) for kernel, bias in fitted]
    return fitted[int(np.argmin(losses))]


def fit_regression(features: Array, targets: Array, ridge: float) -> tuple[Array, Array]:
    """Fit a multinomial logistic regression by Nesterov's accelerated gradient.

    Args:
        features: (N, D); centred and divided by one common scale here. A scale for each feature would give large
            weights to features that hardly vary, and training would start with large gradients there.
        targets: (N, K), rows that need not sum to 1.
        ridge: Weight of the squared kernel; the bias is free.

    Returns:
        Kernel (D, K) and bias (K,) for the unscaled features.
    """
    mean = features.mean(axis=0)
    spread = max(float(np.sqrt(features.var(axis=0).mean())), _MIN_SPREAD)
    inputs = np.hstack([(features - mean) / spread, np.ones((len(features), 1))]).astype(np.float64)
    penalty = np.full((inputs.shape[1], 1), ridge)
    penalty[-1] = 0
    step = 1 / (0.5 * np.linalg.norm(inputs, 2) ** 2 / len(inputs) * max(targets.sum(axis=1).max(), 1) + ridge)
    weights = ahead = np.zeros((inputs.shape[1], targets.shape[1]))
    for iteration in range(_STEPS):
        error = softmax(inputs @ ahead) * targets.sum(axis=1, keepdims=True) - targets
        after = ahead - step * (inputs.T @ error / len(inputs) + penalty * ahead)
        ahead = after + iteration / (iteration + 3) * (after - weights)
        weights = after
    kernel = weights[:-1] / spread
    return kernel, weights[-1] - mean @ kernel


def softmax(scores: Array) -> Array:
    """Return probabilities from scores (N, K)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


def cross_entropy(scores: Array, targets: Array) -> float:
    """Return the mean cross-entropy of scores (N, K) with targets (N, K)."""
    return float(-(targets * np.log(np.maximum(softmax(scores), 1e-12))).sum(axis=1).mean())
