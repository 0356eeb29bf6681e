"""Order of batches and random layers: functions of seed and epoch alone, so that a resumed run sees the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.training.backend import import_keras

if TYPE_CHECKING:
    from moue.data.dataset import Dataset


def make_reseeder(seed: int) -> Any:  # noqa: ANN401 (keras.callbacks.Callback)
    """Return a callback that sets the random states of all layers anew from seed and epoch.

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


def make_feed(dataset: Dataset, batch_size: int, seed: int, first_epoch: int = 0) -> Any:  # noqa: ANN401
    """Return a `keras.utils.PyDataset` of shuffled batches (images uint8 (B, H, W, 1), labels float32 (B, K)).

    Args:
        dataset: The faces of the training split.
        batch_size: Faces a batch; the last one of an epoch may be smaller.
        seed: Seed of the order.
        first_epoch: Epochs already behind, when a run is resumed.
    """
    keras = import_keras()
    images, targets = dataset.images, dataset.one_hot()

    class Feed(keras.utils.PyDataset):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.epoch = first_epoch
            self.order = np.random.default_rng((seed, self.epoch)).permutation(len(images))

        def __len__(self) -> int:
            return math.ceil(len(images) / batch_size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            chosen = self.order[index * batch_size : (index + 1) * batch_size]
            return images[chosen], targets[chosen]

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self.order = np.random.default_rng((seed, self.epoch)).permutation(len(images))

    return Feed()
