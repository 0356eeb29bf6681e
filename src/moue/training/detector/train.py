"""Training a round of the detector; the second round also shows the false positives of the first."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError
from moue.progress import ignore_progress
from moue.training.backend import keras
from moue.training.detector.compose import Composer, Target
from moue.training.detector.loss import LOSS_WEIGHTS, centre_loss, place_loss
from moue.training.detector.network import build_detector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.progress import Progress
    from moue.training.detector.material import Material

_WARMUP_STEPS: Final = 500
_STATISTICS_BATCHES: Final = 60


@dataclasses.dataclass(frozen=True)
class DetectorConfig:
    """The settings of a round of training.

    Attributes:
        steps: Number of batches.
        batch_size: Canvases per batch.
        learning_rate: The highest learning rate; it rises over 500 steps and falls along a cosine.
        weight_decay: Weight decay of AdamW.
        ema: Momentum of the averaged weights.
        side: Width and height of a canvas in pixels.
        seed: Seed of canvases and initial weights.
        steps_per_epoch: The state is saved and progress reported after this many steps.
    """

    steps: int = 10_000
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    ema: float = 0.998
    side: int = 160
    seed: int = 0
    steps_per_epoch: int = 500

    def __post_init__(self) -> None:
        if self.steps < 1 or self.steps % self.steps_per_epoch:
            raise MoueError(f"steps is {self.steps}", f"a multiple of steps_per_epoch = {self.steps_per_epoch}")


class Canvases(keras.utils.PyDataset):
    """The batches of an epoch; a batch is a function of the seed and of its number among all steps."""

    def __init__(self, composer: Composer, config: DetectorConfig) -> None:
        super().__init__()
        self._composer = composer
        self._config = config
        self._first = 0

    def begin(self, epoch: int) -> None:
        """Switch to the batches of `epoch`, counted from 0."""
        self._first = epoch * self._config.steps_per_epoch

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._config.steps_per_epoch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return a batch of the current epoch."""
        canvases, target = self._composer.batch(self._first + index, self._config.batch_size)
        return canvases.astype(np.float32), as_keras(target)


def train_detector(
    material: Material,
    out: Path,
    config: DetectorConfig = DetectorConfig(),
    *,
    start: keras.Model | None = None,
    false_positives: Sequence[tuple[int, tuple[float, float, float, float]]] = (),
    progress: Progress = ignore_progress,
) -> keras.Model:
    """Train one round and return the network with averaged weights; an interrupted round resumes from its saved state.

    Args:
        material: Faces and photographs.
        out: Folder of the saved state.
        config: The configuration.
        start: The network of an earlier round; None: a new one.
        false_positives: False positives of an earlier network, as for `Composer`.
        progress: Called with the steps done and all steps.
    """
    keras.utils.set_random_seed(config.seed)
    composer = Composer(material, side=config.side, seed=config.seed, false_positives=false_positives)
    model = build_detector() if start is None else start
    after_warmup = max(1, config.steps - _WARMUP_STEPS)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, after_warmup, warmup_target=config.learning_rate, warmup_steps=_WARMUP_STEPS
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, use_ema=True, ema_momentum=config.ema)
    model.compile(
        optimizer,
        loss={"centre": centre_loss, "box": place_loss, "landmarks": place_loss},
        loss_weights=LOSS_WEIGHTS,
        jit_compile=False,
    )
    canvases = Canvases(composer, config)
    reporter = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: canvases.begin(epoch),  # noqa: ARG005
        on_epoch_end=lambda epoch, logs: progress((epoch + 1) * config.steps_per_epoch, config.steps),  # noqa: ARG005
    )
    backup = keras.callbacks.BackupAndRestore(out / "state")
    epochs = config.steps // config.steps_per_epoch
    model.fit(canvases, epochs=epochs, callbacks=[backup, reporter], shuffle=False, verbose=0)
    recompute_statistics(model, composer, config)
    model.save(out / "detector.keras")
    return model


def recompute_statistics(model: keras.Model, composer: Composer, config: DetectorConfig) -> None:
    """Recompute the BatchNorm statistics: the stored ones belong to the weights before averaging."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.95
    for number in range(_STATISTICS_BATCHES):
        canvases, _ = composer.batch(config.steps + number, config.batch_size)
        model(canvases.astype(np.float32), training=True)


def as_keras(target: Target) -> dict[str, NDArray[np.float32]]:
    """Return the maps in the form of the losses: boxes and landmarks after a channel that marks faces."""
    face = (target.centre == 1).astype(np.float32)
    return {
        "centre": target.centre,
        "box": np.concatenate([face, target.box], axis=-1),
        "landmarks": np.concatenate([face, target.landmarks], axis=-1),
    }
