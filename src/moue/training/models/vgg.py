"""Plain stacks of 3x3 convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.training.backend import keras
from moue.training.models.layers import classify, conv_bn, scale_pixels
from moue.training.models.registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence


@register(
    "vgg",
    paper="Simonyan & Zisserman 2015, arXiv:1409.1556; for FER2013: Khaireddin & Chen 2021, arXiv:2105.03588",
    summary="eight convolutions in four stages, global average pooling",
)
def vgg(
    *,
    num_classes: int,
    input_shape: tuple[int, int, int],
    widths: Sequence[int] = (64, 128, 256, 512),
    stage_dropout: float = 0.1,
    dropout: float = 0.4,
) -> keras.Model:
    """Build stages of two convolutions, BatchNorm and max pooling, then global average pooling.

    Pixels 0-255; 4,693,575 parameters and 468 million multiply-adds at 48x48x1. Scores: see README.md. The paper
    has two wide dense layers at the end; here the average replaces them.

    Args:
        num_classes: Number of outputs.
        input_shape: (height, width, channels), at least 16x16 with four stages.
        widths: Channels of each stage.
        stage_dropout: Dropout after each pooling.
        dropout: Dropout before the last layer.
    """
    inputs = keras.Input(input_shape, name="images")
    x = scale_pixels(inputs)
    for width in widths:
        x = conv_bn(conv_bn(x, width), width)
        x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Dropout(stage_dropout)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, classify(x, num_classes, dropout), name="vgg")
