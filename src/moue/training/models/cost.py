"""Counting what a network costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moue.training.backend import keras


def count_multiply_adds(model: keras.Model) -> int:
    """Return the multiply-adds of one image through the network's convolutions and dense layers.

    Normalisation, activation, pooling and additions are left out, as is usual in papers.

    Args:
        model: A built network with a fixed image size.
    """
    return sum(_layer_multiply_adds(layer) for layer in model._flatten_layers(include_self=False))


def _layer_multiply_adds(layer: keras.Layer) -> int:
    kernels = [
        weight.shape
        for weight in layer.weights
        # Only a layer's own kernels: the layers of a model inside a model are counted by themselves.
        if weight.name in ("kernel", "depthwise_kernel", "pointwise_kernel") and not getattr(layer, "layers", None)
    ]
    if not kernels:
        return 0
    positions = math.prod(layer.output.shape[1:-1])
    return sum(positions * math.prod(kernel) for kernel in kernels)
