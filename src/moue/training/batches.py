"""Batches and random layers: functions of seed and epoch alone, so that a resumed run sees the same."""

from __future__ import annotations

import functools
import math
import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.training.augment import augment, is_augmented
from moue.training.backend import import_keras
from moue.training.targets import for_keras, make_training_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig

_MAX_WORKERS: Final = 8
# Keeps the random numbers of faces apart from those of orders and layers.
_AUGMENTATION: Final = 1


def make_reseeder(seed: int) -> Any:  # noqa: ANN401 (keras.callbacks.Callback)
    """Return a callback that resets the random states of all layers from seed and epoch.

    Keras does not save the states of dropout and other random layers with a model, so a resumed run would draw
    other numbers than an uninterrupted one.
    """
    keras = import_keras()

    class Reseeder(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            states = [variable for variable in self.model.variables if variable.path.endswith("seed_generator_state")]
            for position, state in enumerate(states):
                drawn = np.random.default_rng((seed, epoch, position)).integers(0, 2**31, state.shape)
                state.assign(drawn.astype(state.dtype))

    return Reseeder()


def make_feed(
    dataset: Dataset,
    config: TrainConfig,
    first_epoch: int = 0,
    teacher: Mapping[str, NDArray[np.float32]] | None = None,
) -> Any:  # noqa: ANN401
    """Return a `keras.utils.PyDataset` of shuffled, augmented batches: images uint8 (B, H, W, 1) and their targets.

    The targets are float32 (B, K), or by head where there are two. ``feed.batch(epoch, index)`` is the same batch
    whenever it is asked for.

    Args:
        dataset: The faces of the training split.
        config: Every choice.
        first_epoch: Epochs already behind, when a run is resumed.
        teacher: A teacher's probabilities by head, where `distill_weight` is above 0.
    """
    keras = import_keras()
    images, targets = dataset.images, make_training_targets(dataset, config, teacher)
    seed, size = config.seed, config.batch_size
    changed = is_augmented(config)

    class Feed(keras.utils.PyDataset):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            # Threads keep a GPU busy; on two cores one is enough, since the network's step needs the other.
            super().__init__(workers=_count_workers() if changed else 1)
            self.epoch = first_epoch

        def __len__(self) -> int:
            return math.ceil(len(images) / size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return self.batch(self.epoch, index)

        def batch(self, epoch: int, index: int) -> tuple[Any, Any]:
            chosen = order_of(epoch)[index * size : (index + 1) * size]
            faces, rows = images[chosen], {head: array[chosen] for head, array in targets.items()}
            if changed:
                faces, rows = augment(faces, rows, config, np.random.default_rng((seed, epoch, index, _AUGMENTATION)))
            return faces, for_keras(rows)

        def on_epoch_end(self) -> None:
            self.epoch += 1

    @functools.lru_cache(maxsize=2)
    def order_of(epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((seed, epoch)).permutation(len(images))

    return Feed()


def _count_workers() -> int:
    return max(1, min(_MAX_WORKERS, (os.cpu_count() or 1) // 2))
