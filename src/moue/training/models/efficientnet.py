"""Keras's EfficientNetV2-B0, adapted to small gray faces."""

from __future__ import annotations

from typing import Final

from moue.training.backend import keras
from moue.training.models.layers import classify
from moue.training.models.registry import register

# Mean and standard deviation of red, green and blue, as fractions of 255.
_IMAGENET: Final = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
STAGES: Final = 6


@register(
    "efficientnet",
    paper="Tan & Le 2021, arXiv:2104.00298 (keras.applications.EfficientNetV2B0)",
    summary="EfficientNetV2-B0 on the enlarged face; random or ImageNet start",
)
def efficientnet(
    *,
    num_classes: int,
    input_shape: tuple[int, int, int],
    enlarge: int = 2,
    stages: int = STAGES,
    weights: str = "",
    dropout: float = 0.3,
) -> keras.Model:
    """Build EfficientNetV2-B0 without its top.

    Pixels 0-255; 5,928,279 parameters and 133 million multiply-adds at 48x48x1. Scores: see README.md. The gray
    image is repeated three times to fit ImageNet's weights, and scaled inside the network as they expect. The network
    divides height and width by 32, which would leave 2x2 of 48x48, so the image is enlarged first. Its BatchNorm
    momentum is 0.9 already.

    Args:
        num_classes: Number of outputs.
        input_shape: (height, width, 1).
        enlarge: Whole factor by which the image is enlarged first, bilinearly.
        stages: How many of the six stages are kept, 1-6. Without the last ones, the network is smaller and its last
            features are finer.
        weights: Initial weights: "" for random ones, or the path of a weights file without top
            (``efficientnetv2-b0_notop.h5``), or "imagenet", which lets Keras download that file.
        dropout: Dropout before the last layer.
    """
    if input_shape[-1] != 1:
        raise ValueError("gray images only")
    if not 1 <= stages <= STAGES:
        raise ValueError(f"stages is {stages}, expected 1 to {STAGES}")
    inputs = keras.Input(input_shape, name="images")
    x = keras.layers.UpSampling2D(enlarge, interpolation="bilinear")(inputs) if enlarge > 1 else inputs
    # The same as the network's own preprocessing, whose Normalization layer does not convert to ONNX.
    colors = [
        keras.layers.Rescaling(1 / (255 * deviation), offset=-mean / deviation)(x) for mean, deviation in _IMAGENET
    ]
    x = keras.layers.Concatenate()(colors)
    trunk = keras.applications.EfficientNetV2B0(
        include_top=False, weights=weights or None, input_tensor=x, include_preprocessing=False
    )
    features = trunk.output
    if stages < STAGES:
        features = [layer.output for layer in trunk.layers if layer.name.startswith(f"block{stages}")][-1]
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, classify(features, num_classes, dropout), name="efficientnet")
