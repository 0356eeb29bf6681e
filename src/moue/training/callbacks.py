"""Training callbacks: reseed random layers, save each state and the best model, stop when the loss diverges."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import time
from typing import TYPE_CHECKING

import numpy as np

from moue.errors import MoueError
from moue.files import replacing
from moue.heads import list_heads
from moue.training.average import Averager
from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moue.progress import Progress
    from moue.training.batches import Feed
    from moue.training.config import TrainConfig
    from moue.training.run_folder import History, RunFolder

    Logs = dict[str, float]

# Reading the loss waits for the step to end; a GPU should not wait at every step.
_STEPS_BETWEEN_CHECKS = 16


class Reseeder(keras.callbacks.Callback):
    """Sets the random states of all layers from seed and epoch.

    Keras does not save the states of dropout and other random layers with a model, so a resumed run would draw
    other numbers than an uninterrupted one.

    Args:
        seed: The seed of the training.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Set the states for `epoch`, counted from 0."""
        states = [variable for variable in self.model.variables if variable.path.endswith("seed_generator_state")]
        for position, state in enumerate(states):
            drawn = np.random.default_rng((self._seed, epoch, position)).integers(0, 2**31, state.shape)
            state.assign(drawn.astype(state.dtype))


class Keeper(keras.callbacks.Callback):
    """Adds each epoch to the history and saves its state into the run folder.

    The state is saved under the epoch's own name before the history lists that epoch, and the older state is removed
    afterwards. So the state of the last epoch in the history always exists.

    Args:
        run: Where to save.
        history: The rows so far; each epoch appends one.
        averager: The callback that averages weights, if the best model is the averaged one.

    Raises:
        MoueError: (during training) the loss is no longer a number, or the disk is full.
    """

    def __init__(self, run: RunFolder, history: History, averager: Averager | None = None) -> None:
        super().__init__()
        self._run = run
        self._history = history
        self._averager = averager
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stop within an epoch if the loss has diverged."""
        if batch % _STEPS_BETWEEN_CHECKS == 0 and logs:
            _refuse_divergence(float(logs["loss"]), len(self._history) + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the state, the model if it is the best so far, and the history."""
        numbers = history_row(logs or {})
        for name, value in numbers.items():
            _refuse_divergence(value, epoch + 1, name)
        _refuse_broken_weights(self.model, epoch + 1)
        self._history.append(
            {
                "epoch": epoch + 1,
                **numbers,
                "learning_rate": float(self.model.optimizer.learning_rate),
                "seconds": round(time.perf_counter() - self._started, 2),
            }
        )
        save_model(self.model, self._run.checkpoint(epoch + 1))
        if best_epoch(self._history) is self._history[-1]:
            with self._averager.applied() if self._averager else contextlib.nullcontext():
                save_model(self.model, self._run.best)
        self._run.write_history(self._history)
        self._run.checkpoint(epoch).unlink(missing_ok=True)


class Reporter(keras.callbacks.Callback):
    """Reports the steps done to a `Progress`.

    Args:
        progress: Called with the steps done and all steps.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._before = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Count the epochs before `epoch`, which is counted from 0."""
        self._before = epoch * self.params["steps"]

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Report a step."""
        self._progress(self._before + batch + 1, self.params["epochs"] * self.params["steps"])


class RememberingEarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's EarlyStopping on the validation loss; a resumed run also counts the epochs before it.

    Args:
        patience: Epochs without a lower validation loss after which training stops.
        history: The epochs before the run was resumed.
    """

    def __init__(self, patience: int, history: History) -> None:
        super().__init__(monitor="val_loss", mode="min", patience=patience)
        self._history = history

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Count the finished epochs."""
        super().on_train_begin(logs)
        for row in self._history:
            self.on_epoch_end(int(row["epoch"]) - 1, row)


def list_callbacks(
    config: TrainConfig, feed: Feed, run: RunFolder, history: History, progress: Progress
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a training in their order: the averager before the keeper, which saves its average."""
    averager = Averager(feed) if config.ema else None
    callbacks = [Reseeder(config.seed), averager, Keeper(run, history, averager), Reporter(progress)]
    if config.early_stopping_patience:
        callbacks.append(RememberingEarlyStopping(config.early_stopping_patience, history))
    if keras.backend.backend() == "tensorflow" and importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(log_dir=str(run.path / "tensorboard"), write_graph=False))
    return [callback for callback in callbacks if callback is not None]


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model with its optimizer and random states, atomically."""
    with replacing(path) as temporary:
        model.save(temporary)


def best_epoch(history: History) -> dict[str, float]:
    """Return the row of the epoch to export.

    It has the highest validation accuracy; ties go to the lowest validation loss, then to the earliest epoch.
    """
    return max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"], -row["epoch"]))


def history_row(logs: Mapping[str, float]) -> dict[str, float]:
    """Return Keras's metrics of an epoch under names that do not depend on the number of heads.

    With several heads Keras logs "emotion_accuracy"; here that is "accuracy". The loss is the weighted sum over heads.
    """
    named = f"{list_heads()[0].name}_accuracy"
    return {name.replace(named, "accuracy"): float(value) for name, value in logs.items()}


class DivergedError(MoueError):
    """The loss, another metric or a weight became NaN or infinite in training."""


def _refuse_broken_weights(model: keras.Model, epoch: int) -> None:
    """Check the weights too: on some processors the loss function clips NaN to a finite value."""
    broken = next((weight for weight in model.get_weights() if not np.isfinite(weight).all()), None)
    if broken is not None:
        _refuse_divergence(float(broken[~np.isfinite(broken)][0]), epoch, "weights")


def _refuse_divergence(value: float, epoch: int, name: str = "loss") -> None:
    if not math.isfinite(value):
        raise DivergedError(
            f"the {name} became {value} in epoch {epoch}",
            "a finite number",
            "Lower the learning rate with --set learning_rate=... and start a new run.",
        )
