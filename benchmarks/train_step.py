"""Cost of a training step: recipes against `seed_cnn`, alternating in one run, and augmentation alone.

    python benchmarks/train_step.py [ROUNDS] [RECIPE ...]

Prints images/s of whole steps (including making batches) on random faces, and the time that each recipe takes to
augment a batch, next to that of Keras's preprocessing layers for similar changes. Default recipes: seed_cnn_aug, small.
A recipe's name may be followed by a precision and an implementation of BatchNorm: small:mixed_bfloat16,
small:float32:keras.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.training.augment import is_augmented
from moue.training.backend import import_keras
from moue.training.batches import Feed
from moue.training.config import TrainConfig
from moue.training.network import assemble, compile_model
from moue.training.targets import make_training_targets
from random_faces import make_faces

if TYPE_CHECKING:
    from collections.abc import Callable

    from moue.data.dataset import Dataset

BATCH = 128
STEPS = 8


def timed(do: Callable[[], Any]) -> float:
    """Return the seconds that `do` takes."""
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def stepper(name: str, faces: Dataset) -> tuple[Callable[[], Any], Any]:
    """Return a warmed-up function that trains a recipe for STEPS steps, and its feed if it augments, else None."""
    recipe, precision, batch_norm = [*name.split(":"), "", ""][:3]
    choices = {"precision": precision} if precision else {}
    config = TrainConfig.from_recipe(recipe, batch_size=BATCH, **choices)
    feed = Feed(faces.images, make_training_targets(faces, config), config)
    model = assemble(config, 7)
    compile_model(model, config, len(feed))
    if batch_norm == "keras":
        for layer in model._flatten_layers():
            vars(layer).pop("call", None)  # moue's override of the layer's own method

    def train() -> None:
        model.fit(feed, epochs=1, verbose=0)

    train()
    return train, feed if is_augmented(config) else None


def keras_layers() -> Callable[[], Any]:
    """Return a function that augments a batch with Keras's preprocessing layers."""
    keras = import_keras()
    layers = keras.layers
    chain = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(1 / 30, fill_mode="nearest"),
            layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
            layers.RandomZoom(0.1, fill_mode="nearest"),
            layers.RandomBrightness(0.1),
            layers.RandomContrast(0.2),
            layers.RandomErasing(0.3),
        ]
    )
    images = make_faces(BATCH).images.astype(np.float32)
    if keras.backend.backend() != "tensorflow":
        return lambda: keras.ops.convert_to_numpy(chain(images, training=True))
    import tensorflow as tf

    compiled = tf.function(lambda batch: chain(batch, training=True))
    return lambda: compiled(images).numpy()


def main() -> None:
    """Time all recipes alternately; print medians and ratios to `seed_cnn`."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    names = ["seed_cnn", *(sys.argv[2:] or ["seed_cnn_aug", "small"])]
    faces = make_faces(BATCH * STEPS)
    steppers = {name: stepper(name, faces) for name in names}
    by_layers = keras_layers()
    by_layers()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    batches: dict[str, list[float]] = {name: [] for name, (_, feed) in steppers.items() if feed}
    layer_seconds = []
    for _ in range(rounds):
        for name, (train, feed) in steppers.items():
            seconds[name].append(timed(train) / STEPS)
            if feed:
                batches[name].append(timed(lambda feed=feed: feed.batch(0, 0)))  # type: ignore[misc]
        layer_seconds.append(timed(by_layers))
    for name, values in seconds.items():
        pairs = [value / reference for value, reference in zip(values, seconds["seed_cnn"], strict=True)]
        making = (
            f", of which making a batch {1000 * statistics.median(batches[name]):.1f} ms" if name in batches else ""
        )
        print(
            f"{name:22} {BATCH / statistics.median(values):6.0f} images/s, a step {statistics.median(pairs):.2f} times "
            f"that of seed_cnn ({1000 * statistics.median(values):.0f} ms{making})"
        )
    print(f"Keras's layers on a batch: {1000 * statistics.median(layer_seconds):.1f} ms")


if __name__ == "__main__":
    main()
