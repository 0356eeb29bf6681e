"""The detector's losses: focal on the centres, smooth L1 on boxes and landmarks of the cells with a face."""

from __future__ import annotations

from typing import Final

from moue.training.backend import keras

LOSS_WEIGHTS: Final = {"centre": 4.0, "box": 1.0, "landmarks": 0.4}
_FOCUS: Final = 2.0
_ROUND: Final = 0.1  # below this distance, in units of 32 pixels, the loss is quadratic


def centre_loss(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Return the focal loss (Lin et al. 2017, arXiv:1708.02002) per face cell, a scalar.

    It keeps the many easy cells of the background from drowning the few hard ones.

    Args:
        y_true: (B, S, S, 1): 1 for a face's centre, 0 for background, -1 for ignored cells.
        y_pred: Logits (B, S, S, 1).
    """
    ops = keras.ops
    face = ops.cast(ops.equal(y_true, 1.0), "float32")
    background = ops.cast(ops.equal(y_true, 0.0), "float32")
    probability = ops.sigmoid(y_pred)
    entropy = ops.maximum(y_pred, 0.0) - y_pred * face + ops.log1p(ops.exp(-ops.abs(y_pred)))
    focal = 0.5 * (face * (1.0 - probability) ** _FOCUS + background * probability**_FOCUS) * entropy
    return ops.sum(focal) / ops.maximum(ops.sum(face), 1.0)


def place_loss(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Return the smooth L1 distance over the faces' cells, a scalar.

    Args:
        y_true: (B, S, S, 1 + C): 1 for a face, then the values expected there.
        y_pred: (B, S, S, C).
    """
    ops = keras.ops
    face = y_true[..., :1]
    distance = ops.abs(y_pred - y_true[..., 1:])
    smooth = ops.where(distance < _ROUND, distance**2 / (2 * _ROUND), distance - _ROUND / 2)
    return ops.sum(face * smooth) / ops.maximum(ops.sum(face), 1.0)
