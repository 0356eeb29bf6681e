"""The starting point: two convolutions and a dense layer."""

from __future__ import annotations

from moue.training.backend import keras
from moue.training.models.registry import register


@register(
    "seed_cnn",
    paper="none; the usual tutorial network of FER2013",
    summary="two convolutions and a dense layer, the baseline",
)
def seed_cnn(
    *,
    num_classes: int,
    input_shape: tuple[int, int, int],
    conv_dropout: float = 0.25,
    dense_dropout: float = 0.5,
) -> keras.Model:
    """Build the network that this project started from, layer by layer, with the scaling inside.

    Pixels 0-255; 716,551 parameters and 19.8 million multiply-adds at 48x48x1. Scores: see README.md.

    Args:
        num_classes: Number of outputs.
        input_shape: (height, width, channels), at least 16x16.
        conv_dropout: Dropout after each pooling.
        dense_dropout: Dropout after the dense layer.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape, name="images"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(conv_dropout),
            layers.Conv2D(64, 5, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(conv_dropout),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(dense_dropout),
            layers.Dense(num_classes, activation="softmax", dtype="float32", name="emotion"),
        ],
        name="seed_cnn",
    )
