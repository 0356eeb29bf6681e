"""The detector's network: fully convolutional, gray pixels in, one map at stride 8 out."""

from __future__ import annotations

from typing import Final

from moue.training.backend import keras
from moue.training.models.layers import conv_bn, residual_block, scale_pixels

OUTPUTS: Final = {"centre": 1, "box": 4, "landmarks": 10}
"""Channels of each map."""


def build_detector(widths: tuple[int, int, int] = (12, 24, 48), depth: int = 3) -> keras.Model:
    """Build the network.

    It needs about 2,600 multiply-adds per pixel, so an image of 640x480 at scales 0.6 apart costs as much as one run of
    a typical detector. It has few channels at high resolution, and residual blocks only at stride 8. Each cell there
    sees about 120 pixels, twice the largest face.

    Args:
        widths: Channels at strides 2, 4 and 8.
        depth: Residual blocks at stride 8.

    Returns:
        A `keras.Model` from pixels 0-255, float32 (N, H, W, 1) with H and W multiples of 8, to a dictionary of
        float32 (N, H / 8, W / 8, C): "centre" logits, "box" and "landmarks" as in `compose.Target`.
    """
    inputs = keras.Input((None, None, 1), name="images")
    x = conv_bn(scale_pixels(inputs), widths[0], 3, 2)
    x = conv_bn(conv_bn(x, widths[1], 3, 2), widths[1])
    x = conv_bn(x, widths[2], 3, 2)
    for _ in range(depth):
        x = residual_block(x, widths[2])
    layers = keras.layers
    rare = keras.initializers.Constant(-4.6)  # initially one cell in a hundred is a face
    maps = {
        "centre": layers.Conv2D(1, 3, padding="same", bias_initializer=rare, name="centre")(x),
        "box": layers.Conv2D(4, 3, padding="same", name="box")(x),
        "landmarks": layers.Conv2D(10, 3, padding="same", name="landmarks")(x),
    }
    return keras.Model(inputs, maps, name="detector")
