"""BatchNorm layers: one kernel to train them, and statistics for weights that came without."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# oneDNN computes other numbers of channels in bfloat16 without its vector kernels, some ten times slower.
_CHANNELS: Final = 16


def fuse_batch_norm(model: keras.Model) -> None:
    """Let the BatchNorm layers of a network train with TensorFlow's fused kernel; the same numbers within rounding.

    Keras's own spells BatchNorm out in some ten operations, each of which reads the whole batch, and in float32 even
    under `mixed_bfloat16`. On a CPU that was a fifth to a half of a training step.

    Does nothing on another backend, or for a layer that the kernel cannot compute. Validation and saved models remain
    Keras's: the layers are changed as objects, and not by a subclass, which nobody could load without moue.

    Args:
        model: A network before `compile`.
    """
    if keras.backend.backend() != "tensorflow":
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and _is_fusible(layer):
            layer.call = functools.partial(_call, layer, layer.call)


def renew_statistics(model: keras.Model, images: NDArray[np.uint8]) -> None:
    """Set the statistics of all BatchNorm layers to those of some faces; the network answers as before.

    An exported network has none: its layers do nothing but add a bias. In training, such a layer would normalise by
    each batch, and with the scale of its input the network would lose most of what it knows.

    Args:
        model: A network whose BatchNorm layers have any statistics.
        images: uint8 (N, H, W, C), some hundred faces.
    """
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not layers or not all(layer.center and layer.scale for layer in layers):
        return
    seen = keras.Model(model.inputs, [layer.input for layer in layers]).predict(images, verbose=0)
    for layer, features in zip(layers, seen if len(layers) > 1 else [seen], strict=True):
        gamma, beta, mean, variance = layer.get_weights()
        factor = gamma / np.sqrt(variance + layer.epsilon)
        kept = tuple(range(features.ndim - 1))
        new_mean, new_variance = features.mean(axis=kept), features.var(axis=kept)
        new_gamma, new_beta = factor * np.sqrt(new_variance + layer.epsilon), beta + factor * (new_mean - mean)
        layer.set_weights([new_gamma, new_beta, new_mean, new_variance])


def _is_fusible(layer: keras.layers.BatchNormalization) -> bool:
    images = layer.input_spec is not None and layer.input_spec.ndim == 4 and layer.axis in (-1, 3)
    return images and layer.center and layer.scale and not layer.renorm and not layer.synchronized


def _call(
    layer: keras.layers.BatchNormalization,
    plain: Callable[..., Any],
    inputs: Any,  # noqa: ANN401 (a tensor of the backend)
    training: bool | None = None,
    mask: Any = None,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Stand for `layer.call`, which is `plain`."""
    if not training or not layer.trainable or mask is not None:
        return plain(inputs, training=training, mask=mask)
    import tensorflow as tf

    whole = inputs if inputs.shape[-1] % _CHANNELS == 0 else tf.cast(inputs, tf.float32)
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        whole, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon, is_training=True
    )
    # The kernel gives the variance of the population, Keras keeps that of the batch.
    count = tf.cast(tf.size(whole) // whole.shape[-1], tf.float32)
    variance *= (count - 1) / count
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + now * (1 - layer.momentum))
    return tf.cast(outputs, layer.compute_dtype)
