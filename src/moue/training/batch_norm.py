"""BatchNorm layers: training with one fused kernel, and statistics for weights that came without any."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# In bfloat16, oneDNN has vector kernels only for multiples of this many channels; others are some ten times slower.
_CHANNELS: Final = 16


def fuse_batch_norm(model: keras.Model) -> None:
    """Make the BatchNorm layers of a model train with TensorFlow's fused kernel; results are equal within rounding.

    Keras computes BatchNorm in some ten operations. Each of them reads the whole batch, in float32 even under
    `mixed_bfloat16`. On a CPU that took a fifth to a half of a training step.

    Does nothing on another backend, or for a layer that the kernel cannot compute. Validation and saved models stay
    plain Keras: the layers are patched as instances, because a subclass could not be loaded without moue.

    Args:
        model: A model, before `compile`.
    """
    if keras.backend.backend() != "tensorflow":
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and _is_fusible(layer):
            layer.call = functools.partial(_call, layer, layer.call)


def renew_statistics(model: keras.Model, images: NDArray[np.uint8]) -> None:
    """Set the statistics of all BatchNorm layers to those of some faces, without changing the model's predictions.

    An exported model has no statistics: its BatchNorm layers only add a bias. In training, such a layer would normalise
    by each batch. That would change the scale of its input, and the model would lose most of what it has learned.

    Args:
        model: A model; its BatchNorm layers may have any statistics.
        images: uint8 (N, H, W, C), a few hundred faces.
    """
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not layers or not all(layer.center and layer.scale for layer in layers):
        return
    inputs = keras.Model(model.inputs, [layer.input for layer in layers]).predict(images, verbose=0)
    for layer, features in zip(layers, inputs if len(layers) > 1 else [inputs], strict=True):
        gamma, beta, mean, variance = layer.get_weights()
        factor = gamma / np.sqrt(variance + layer.epsilon)
        axes = tuple(range(features.ndim - 1))
        new_mean, new_variance = features.mean(axis=axes), features.var(axis=axes)
        new_gamma, new_beta = factor * np.sqrt(new_variance + layer.epsilon), beta + factor * (new_mean - mean)
        layer.set_weights([new_gamma, new_beta, new_mean, new_variance])


def _is_fusible(layer: keras.layers.BatchNormalization) -> bool:
    images = layer.input_spec is not None and layer.input_spec.ndim == 4 and layer.axis in (-1, 3)
    return images and layer.center and layer.scale and not layer.renorm and not layer.synchronized


def _call(
    layer: keras.layers.BatchNormalization,
    original: Callable[..., Any],
    inputs: Any,  # noqa: ANN401 (a tensor of the backend)
    training: bool | None = None,
    mask: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Replace `layer.call`, which is passed as `original`."""
    if not training or not layer.trainable or mask is not None:
        return original(inputs, training=training, mask=mask)
    import tensorflow as tf

    features = inputs if inputs.shape[-1] % _CHANNELS == 0 else tf.cast(inputs, tf.float32)
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        features, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon, is_training=True
    )
    # The kernel divides the variance by n - 1, Keras by n.
    count = tf.cast(tf.size(features) // features.shape[-1], tf.float32)
    variance *= (count - 1) / count
    for moving, current in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + current * (1 - layer.momentum))
    return tf.cast(outputs, layer.compute_dtype)
