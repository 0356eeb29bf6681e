"""Training batches that depend only on the seed and the epoch, so that a resumed run sees the same ones."""

from __future__ import annotations

import functools
import math
import os
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.training.augment import augment, is_augmented
from moue.training.backend import keras
from moue.training.copies import make_copy, student_augmentation
from moue.training.targets import for_keras

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.training.config import TrainConfig
    from moue.training.targets import KerasTargets, Targets

    Batch = tuple[NDArray[np.uint8], KerasTargets]

_MAX_WORKERS: Final = 8
# Keeps the random numbers of augmentation separate from those of the order and the layers.
_AUGMENTATION: Final = 1


class Feed(keras.utils.PyDataset):
    """Shuffled, augmented batches: images uint8 (B, H, W, 1), and targets float32 (B, K), by head if there are several.

    Args:
        images: Training faces, uint8 (N, H, W, 1).
        targets: Their targets by head, float32 (N, K). With `distill_copies`, one such dict per copy.
        config: Gives the batch size, the seed and the augmentation.
        first_epoch: Number of finished epochs when a run is resumed.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        targets: Targets | Sequence[Targets],
        config: TrainConfig,
        first_epoch: int = 0,
    ) -> None:
        self._augmentation = student_augmentation(config)
        self._augments = is_augmented(self._augmentation)
        super().__init__(workers=_count_workers())
        self._images = images
        self._targets = [targets] if isinstance(targets, dict) else list(targets)
        self._config = config
        self.epoch = first_epoch
        self._order = functools.lru_cache(maxsize=2)(self._shuffle)
        self._copy = functools.lru_cache(maxsize=2)(functools.partial(make_copy, images, config))

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(len(self._images) / self._config.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return a batch of the current epoch."""
        return self.batch(self.epoch, index)

    def batch(self, epoch: int, index: int) -> Batch:
        """Return batch `index` of `epoch`, both counted from 0; the same for every call."""
        seed, size = self._config.seed, self._config.batch_size
        chosen = self._order(epoch)[index * size : (index + 1) * size]
        number = epoch % len(self._targets)
        images = self._copy(number) if self._config.distill_copies else self._images
        faces, rows = images[chosen], {head: array[chosen] for head, array in self._targets[number].items()}
        if self._augments:
            rng = np.random.default_rng((seed, epoch, index, _AUGMENTATION))
            faces, rows = augment(faces, rows, self._augmentation, rng)
        return faces, for_keras(rows)

    def on_epoch_end(self) -> None:
        """Move to the next epoch; Keras calls this."""
        self.epoch += 1

    def _shuffle(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self._config.seed, epoch)).permutation(len(self._images))


def _count_workers() -> int:
    """Return the number of threads that make batches: at least two.

    With one, Keras leaves the queue to tf.data, whose prefetching stalled training for up to a minute per epoch when
    TensorFlow had a single core.
    """
    return max(2, min(_MAX_WORKERS, (os.cpu_count() or 1) // 2))
