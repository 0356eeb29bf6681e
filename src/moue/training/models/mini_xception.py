"""The field's usual small network, as a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.training.backend import keras
from moue.training.models.layers import batch_norm, scale_pixels
from moue.training.models.registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence


@register(
    "mini_xception",
    paper="Arriaga et al. 2017, arXiv:1710.07557 (oarriaga/face_classification, MIT)",
    summary="four separable residual modules, the network of the package fer",
)
def mini_xception(
    *,
    num_classes: int,
    input_shape: tuple[int, int, int],
    stem_width: int = 8,
    widths: Sequence[int] = (16, 32, 64, 128),
) -> keras.Model:
    """Build the network layer by layer as its authors published it, with the scaling to -1 … 1 inside.

    Pixels 0-255; 58,423 parameters and 5.5 million multiply-adds at 48x48x1 (the authors' input is 64x64). Their
    L2 penalty on the kernels is left out; the recipe has `weight_decay` instead.

    Args:
        num_classes: Number of outputs.
        input_shape: (height, width, channels), at least 8x8.
        stem_width: Channels of the first two convolutions.
        widths: Channels of each module.
    """
    layers = keras.layers
    inputs = keras.Input(input_shape, name="images")
    x = scale_pixels(inputs)
    for _ in range(2):
        x = layers.Activation("relu")(batch_norm(layers.Conv2D(stem_width, 3, use_bias=False)(x)))
    for position, width in enumerate(widths):
        shortcut = batch_norm(layers.Conv2D(width, 1, 2, padding="same", use_bias=False)(x))
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(batch_norm(x))
        x = batch_norm(layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x))
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
        # A second head starts from this last sum, because the average below has only one number per class.
        x = layers.Add(name="features" if position == len(widths) - 1 else None)([x, shortcut])
    x = layers.Conv2D(num_classes, 3, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Activation("softmax", dtype="float32", name="emotion")(x)
    return keras.Model(inputs, x, name="mini_xception")
