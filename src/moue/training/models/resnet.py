"""A residual network that starts at full resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.training.backend import keras
from moue.training.models.layers import classify, conv_bn, residual_block, scale_pixels
from moue.training.models.registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence


@register(
    "resnet",
    paper="He et al. 2016, arXiv:1512.03385; squeeze-and-excitation: Hu et al. 2018, arXiv:1709.01507",
    summary="ResNet-18 with a stride-1 stem; widths and depths are options",
)
def resnet(
    *,
    num_classes: int,
    input_shape: tuple[int, int, int],
    widths: Sequence[int] = (64, 128, 256, 512),
    depths: Sequence[int] = (2, 2, 2, 2),
    squeeze: int = 0,
    dropout: float = 0.4,
) -> keras.Model:
    """Build a residual network for small images: no stride and no pooling before the first stage.

    Pixels 0-255; 11,180,871 parameters and 1,247 million multiply-adds at 48x48x1 by default. Scores: see README.md.

    Args:
        num_classes: Number of outputs.
        input_shape: (height, width, channels).
        widths: Channels of the stages at full, half, quarter … size.
        depths: Residual blocks of each stage.
        squeeze: Reduction of the squeeze-and-excitation gates, e.g. 16; 0: none.
        dropout: Dropout before the last layer.
    """
    inputs = keras.Input(input_shape, name="images")
    x = conv_bn(scale_pixels(inputs), widths[0])
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for block in range(depth):
            x = residual_block(x, width, 2 if stage and not block else 1, squeeze=squeeze)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, classify(x, num_classes, dropout), name="resnet")
