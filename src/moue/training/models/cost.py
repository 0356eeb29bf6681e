"""Counting what a network costs."""

from __future__ import annotations

import math
from typing import Any


def count_multiply_adds(model: Any) -> int:  # noqa: ANN401 (keras.Model)
    """Return the multiply-adds of one image through the network's convolutions and dense layers.

    Normalisation, activation, pooling and additions are left out, as is usual in papers.

    Args:
        model: A built `keras.Model` of a fixed image size.
    """
    return sum(_layer_multiply_adds(layer) for layer in model._flatten_layers(include_self=False))


def _layer_multiply_adds(layer: Any) -> int:  # noqa: ANN401 (keras.Layer)
    kernels = [
        weight.shape
        for weight in layer.weights
        # Only a layer's own kernels: a model inside a model is visited by itself.
        if weight.name in ("kernel", "depthwise_kernel", "pointwise_kernel") and not getattr(layer, "layers", None)
    ]
    if not kernels:
        return 0
    positions = math.prod(layer.output.shape[1:-1])
    return sum(positions * math.prod(kernel) for kernel in kernels)
