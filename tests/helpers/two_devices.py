"""Trains on one device and on two: ``python -m helpers.two_devices FOLDER``, in a process with the backend JAX.

Writes the runs `one`, `two`, `resumed` (stopped after its first epoch) and `moved` (the same, resumed on one device) to
FOLDER. Its `where.json` lists the devices of the parts of a batch, of a remainder, and of the weights.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np

from helpers.data import make_dataset
from moue.files import write_json
from moue.training.backend import keras
from moue.training.config import TrainConfig
from moue.training.devices import find_devices
from moue.training.train import train

FACES = make_dataset(157, seed=3).take(np.arange(1, 157))  # 95 to train and 31 to validate, neither a multiple of 2
CHOICES = {"ferplus_weight": 0.0, "warmup_epochs": 0, "ema": 0.9, "batch_size": 18, "epochs": 2, "learning_rate": 0.02}
NARROW = {"widths": [8, 12], "depths": [1, 1]}


class Watching(keras.callbacks.Callback):
    """Records the devices of the weights, and stops after the first epoch if requested."""

    def __init__(self, *, stops=False):
        super().__init__()
        self._stops = stops
        self.holders = set()

    def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
        self.holders |= {name_of(device) for weight in self.model.weights for device in weight.value.devices()}
        if self._stops:
            raise KeyboardInterrupt


def name_of(device):
    return f"{device.platform}:{device.id}"


def parts(array):
    return [[name_of(part.device), len(part.data)] for part in array.addressable_shards]


def main(folder):
    config = TrainConfig.from_recipe("small", **CHOICES, model_options=NARROW)
    alone, together = Watching(), Watching()
    train(config, FACES, folder / "one", callbacks=[alone])
    train(config, FACES, folder / "two", devices=2, callbacks=[together])
    train(config, FACES, folder / "resumed", devices=2, callbacks=[Watching(stops=True)])
    shutil.copytree(folder / "resumed", folder / "moved")
    train(config, FACES, folder / "resumed", devices=2, resume=True)
    train(config, FACES, folder / "moved", resume=True)
    shared = find_devices(2).spread_faces((FACES.images[:27], FACES.labels[:27]), 17)
    found = {
        "batch": [parts(array) for array in shared[0]],
        "remainder": [parts(array) for array in shared[1]],
        "weights": {"one": sorted(alone.holders), "two": sorted(together.holders)},
    }
    write_json(folder / "where.json", found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
