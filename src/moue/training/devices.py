"""Training on several devices of one machine: each holds the weights and a part of every batch.

Keras's `DataParallel` keeps a copy of the weights on each device. moue splits the batches itself, because Keras 3.15
splits every batch of an epoch like the first one, and fails on a last batch that cannot be split evenly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import TYPE_CHECKING, Any

from moue.errors import MoueError, SettingError
from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from moue.training.config import TrainConfig
    from moue.training.targets import KerasTargets

    Faces = tuple[NDArray[np.uint8], KerasTargets]


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices that share a training.

    Attributes:
        names: Keras's names, e.g. ``gpu:0``; empty for a single device, which the backend chooses.
    """

    names: tuple[str, ...] = ()

    @contextlib.contextmanager
    def holding_variables(self) -> Iterator[None]:
        """Put a copy of each variable that is created in the block on every device."""
        with self._parallel().scope() if self.names else contextlib.nullcontext():
            yield

    def spread(self, batches: keras.utils.PyDataset) -> keras.utils.PyDataset:
        """Return the same batches, split equally over the devices."""
        return Spread(batches, self._parallel()) if self.names else batches

    def spread_faces(self, faces: Faces, batch_size: int) -> Faces | keras.utils.PyDataset:
        """Return faces and their targets; if there are several devices, in batches of about `batch_size`."""
        if not self.names:
            return faces
        return self.spread(Batches(faces, math.ceil(batch_size / len(self.names)) * len(self.names)))

    def _parallel(self) -> keras.distribution.DataParallel:
        return keras.distribution.DataParallel(devices=list(self.names), auto_shard_dataset=False)


def find_devices(num_devices: int, config: TrainConfig | None = None) -> Devices:
    """Return the first devices of the backend's preferred kind: GPUs or TPUs if there are any.

    Args:
        num_devices: How many devices to use.
        config: Its `batch_size` must be a multiple of `num_devices`.

    Raises:
        SettingError: `num_devices` is below 1, the backend would train on one device anyway, or `batch_size` is not a
            multiple.
        MoueError: there are fewer devices than that.
    """
    if num_devices < 1:
        raise SettingError(f"devices = {num_devices}", "at least 1")
    if num_devices == 1:
        return Devices()
    backend = keras.backend.backend()
    if backend != "jax":
        raise SettingError(
            f"devices = {num_devices} with Keras's backend {backend}, which would train on one",
            "the backend jax",
            'Install it (pip install "moue[jax]") and put KERAS_BACKEND=jax before the command.',
        )
    if config is not None and config.batch_size % num_devices:
        nearest = max(round(config.batch_size / num_devices), 1) * num_devices
        raise SettingError(
            f"batch_size = {config.batch_size} with devices = {num_devices}",
            f"a multiple of {num_devices}, so that every device gets an equal share",
            f"Add --set batch_size={nearest}.",
        )
    available = keras.distribution.list_devices()
    if len(available) < num_devices:
        raise MoueError(
            f"devices = {num_devices}, but JAX finds {len(available)}: {', '.join(available)}",
            f"at most {len(available)}",
            'GPUs from NVIDIA need pip install "jax[cuda13]"; XLA_FLAGS=--xla_force_host_platform_device_count='
            f"{num_devices} before the command divides the CPU, to try it out.",
        )
    return Devices(tuple(available[:num_devices]))


class Batches(keras.utils.PyDataset):
    """Faces and their targets in batches, in the given order.

    Args:
        faces: Images (N, H, W, C) and targets (N, K), by head if there are several.
        batch_size: Faces per batch.
    """

    def __init__(self, faces: Faces, batch_size: int) -> None:
        super().__init__()
        self._faces = faces
        self._batch_size = batch_size

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self._faces[0]) / self._batch_size)

    def __getitem__(self, index: int) -> Faces:
        """Return batch `index`, from 0."""
        part = slice(index * self._batch_size, (index + 1) * self._batch_size)
        batch: Faces = keras.tree.map_structure(lambda array: array[part], self._faces)
        return batch


class Spread(keras.utils.PyDataset):
    """Batches split equally over all devices; a batch that cannot be split evenly is copied to every device.

    Args:
        batches: The batches to split.
        parallel: The devices.
    """

    def __init__(self, batches: keras.utils.PyDataset, parallel: keras.distribution.DataParallel) -> None:
        super().__init__(workers=batches.workers)
        self._batches = batches
        self._parallel = parallel

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 (the batch, with JAX's arrays)
        """Return batch `index` on the devices."""
        return keras.tree.map_structure(self._place, self._batches[index])

    def on_epoch_end(self) -> None:
        """Tell the batches that an epoch has ended; Keras calls this."""
        self._batches.on_epoch_end()

    def _place(self, array: NDArray[Any]) -> Any:  # noqa: ANN401 (JAX's array)
        if len(array) % self._parallel.num_model_replicas:
            layout = keras.distribution.TensorLayout([None] * array.ndim, self._parallel.device_mesh)
        else:
            layout = self._parallel.get_data_layout(array.shape)
        return keras.distribution.distribute_tensor(array, layout)
