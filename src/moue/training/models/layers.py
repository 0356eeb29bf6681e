"""Layers shared by several families; BatchNorm has momentum 0.9 throughout.

Keras's own 0.99 averages over the last hundred batches. That lags behind a small network that still learns fast, and
its validation scores swing.
"""

from __future__ import annotations

from typing import Final

from moue.training.backend import keras

BATCH_NORM_MOMENTUM: Final = 0.9


def scale_pixels(images: keras.KerasTensor) -> keras.KerasTensor:
    """Return pixels 0-255 as -1 to 1."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)


def batch_norm(x: keras.KerasTensor) -> keras.KerasTensor:
    """Apply BatchNorm with `BATCH_NORM_MOMENTUM`."""
    return keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x)


def conv_bn(
    x: keras.KerasTensor, width: int, size: int = 3, stride: int = 1, *, relu: bool = True
) -> keras.KerasTensor:
    """Apply convolution without bias, BatchNorm and, unless `relu` is false, ReLU; (N, H, W, C) to (N, h, w, width)."""
    layers = keras.layers
    x = layers.Conv2D(width, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = batch_norm(x)
    return layers.Activation("relu")(x) if relu else x


def residual_block(x: keras.KerasTensor, width: int, stride: int = 1, *, squeeze: int = 0) -> keras.KerasTensor:
    """Apply two 3x3 convolutions with a shortcut (He et al. 2016, arXiv:1512.03385).

    Where the size changes, the shortcut is average pooling and a 1x1 convolution, which loses no pixel (ResNet-D, He et
    al. 2019, arXiv:1812.01187).

    Args:
        x: Features (N, H, W, C).
        width: Channels of the result.
        stride: 2 halves height and width.
        squeeze: Reduction of a squeeze-and-excitation gate before the addition; 0: none.
    """
    layers = keras.layers
    branch = conv_bn(conv_bn(x, width, 3, stride), width, relu=False)
    if squeeze:
        branch = squeeze_excite(branch, squeeze)
    if stride != 1:
        x = layers.AveragePooling2D(stride, padding="same")(x)
    if x.shape[-1] != width:
        x = conv_bn(x, width, 1, relu=False)
    return layers.Activation("relu")(layers.Add()([branch, x]))


def squeeze_excite(x: keras.KerasTensor, reduction: int) -> keras.KerasTensor:
    """Weigh the channels by a gate that sees the whole image (Hu et al. 2018, arXiv:1709.01507)."""
    layers = keras.layers
    width = x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(max(width // reduction, 1), 1, activation="relu", kernel_initializer="he_normal")(gate)
    return layers.Multiply()([x, layers.Conv2D(width, 1, activation="sigmoid")(gate)])


def classify(features: keras.KerasTensor, num_classes: int, dropout: float) -> keras.KerasTensor:
    """Return probabilities (N, num_classes) from features (N, C); float32 whatever the rest computes in."""
    features = keras.layers.Dropout(dropout)(features)
    return keras.layers.Dense(num_classes, activation="softmax", dtype="float32", name="emotion")(features)
