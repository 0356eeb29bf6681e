"""BatchNorm: the fused kernel agrees with Keras, and new statistics do not change predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from moue.training.backend import keras
from moue.training.batch_norm import fuse_batch_norm, renew_statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a kernel of TensorFlow")


def _model(channels: int, precision: str, **options: object) -> keras.Model:
    inputs = keras.Input((6, 6, channels))
    return keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.9, dtype=precision, **options)(inputs))


def _step(model: keras.Model, images: NDArray[np.float32], slope: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return outputs, gradients of images, gamma and beta, and the moving statistics after one training step."""
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x, training=True)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32) * slope)
    layer = model.layers[-1]
    gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
    return [np.array(tf.cast(array, tf.float32)) for array in (outputs, *gradients, *layer.non_trainable_variables)]


@pytest.mark.parametrize("channels", [16, 24])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("mixed_bfloat16", 0.02)])
def test_a_training_step_gives_the_same_numbers(channels: int, precision: str, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(3, 2, (8, 6, 6, channels)).astype(np.float32)
    slope = rng.normal(0, 1, images.shape).astype(np.float32)
    fused, plain = _model(channels, precision), _model(channels, "float32")
    fuse_batch_norm(fused)
    for found, expected in zip(_step(fused, images, slope), _step(plain, images, slope), strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found / scale, expected / scale, atol=tolerance)
    # Validation still uses Keras's own code.
    assert np.allclose(fused(images, training=False), plain(images, training=False), atol=tolerance * 10)


def test_new_statistics_keep_the_predictions_and_match_the_batch() -> None:
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, activation="relu")(inputs))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(x))
    model = keras.Model(inputs, x)
    rng = np.random.default_rng(0)
    for layer in model.layers[2::2]:  # as after an export: only a bias
        ones = np.ones(4, np.float32)
        layer.set_weights([ones, rng.normal(0, 1, 4), 0 * ones, ones - layer.epsilon])
    images = rng.integers(0, 256, (64, 8, 8, 1), np.uint8)
    before = np.array(model(images, training=False))
    broken = np.array(model(images, training=True))
    assert np.abs(broken - before).max() > 1
    for layer in model.layers[2::2]:  # the training call above changed them
        layer.set_weights([*layer.get_weights()[:2], np.zeros(4), np.full(4, 1 - layer.epsilon)])
    renew_statistics(model, images)
    np.testing.assert_allclose(model(images, training=False), before, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(model(images, training=True), before, rtol=1e-3, atol=1e-2)


def test_what_the_kernel_cannot_compute_is_left_to_keras() -> None:
    without_scale = _model(16, "float32", scale=False)
    before = without_scale.layers[-1].call
    fuse_batch_norm(without_scale)
    assert without_scale.layers[-1].call == before


def test_a_frozen_layer_keeps_its_statistics() -> None:
    model = _model(16, "float32")
    model.layers[-1].trainable = False
    fuse_batch_norm(model)
    model(np.full((4, 6, 6, 16), 9, np.float32), training=True)
    assert not model.layers[-1].moving_mean.numpy().any()


def test_a_saved_model_names_a_layer_that_keras_knows(tmp_path: object) -> None:
    model = _model(16, "float32")
    fuse_batch_norm(model)
    model.save(f"{tmp_path}/model.keras")
    assert type(keras.saving.load_model(f"{tmp_path}/model.keras").layers[-1]) is keras.layers.BatchNormalization
