"""A residual network for 48x48 gray on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.training.backend import keras
from moue.training.models.layers import classify, conv_bn, residual_block, scale_pixels
from moue.training.models.registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence


@register(
    "small",
    paper="He et al. 2016, arXiv:1512.03385; stem and shortcuts of He et al. 2019, arXiv:1812.01187",
    summary="residual network with a stride-2 stem, made for 48x48 gray on a CPU",
)
def small(
    *,
    num_classes: int,
    input_shape: tuple[int, int, int],
    widths: Sequence[int] = (24, 64, 128),
    depths: Sequence[int] = (1, 1, 2),
    squeeze: int = 0,
    dropout: float = 0.3,
) -> keras.Model:
    """Build the network.

    Pixels 0-255; 591,615 parameters and 32.5 million multiply-adds at 48x48x1. Scores: see README.md.

    On a CPU, a layer's time depends more on its pixels than on its channels. So only the stem sees 48x48, the 24x24
    stage is narrow and short, and most parameters and depth are at 12x12 and 6x6, where an eye is still two or three
    cells wide. The convolutions are plain 3x3, because depthwise ones use a CPU poorly in training. The export merges
    batch normalisation into them. A training step takes about as long as one of `seed_cnn`.

    Args:
        num_classes: Number of outputs.
        input_shape: (height, width, channels).
        widths: Channels of the stages at a half, a quarter, an eighth … of the input's side.
        depths: Residual blocks of each stage.
        squeeze: Reduction of the squeeze-and-excitation gates (Hu et al. 2018, arXiv:1709.01507), e.g. 8; 0: none.
        dropout: Dropout before the last layer.
    """
    inputs = keras.Input(input_shape, name="images")
    x = conv_bn(scale_pixels(inputs), widths[0], 3, 2)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for block in range(depth):
            x = residual_block(x, width, 2 if stage and not block else 1, squeeze=squeeze)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, classify(x, num_classes, dropout), name="small")
