"""What happens between epochs: states saved, the best kept, an early stop, a diverged loss noticed."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Any

from moue.errors import MoueError
from moue.files import replacing
from moue.heads import list_heads
from moue.training.backend import import_keras

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moue.training.run_folder import History, RunFolder

# Looking at the loss waits for the step to end, which a GPU should not do at each one.
_STEPS_BETWEEN_LOOKS = 16


def save_model(model: Any, path: Path) -> None:  # noqa: ANN401 (keras.Model)
    """Save a model with its optimizer and random states, atomically."""
    with replacing(path) as temporary:
        model.save(temporary)


def best_epoch(history: History) -> dict[str, float]:
    """Return the row of the epoch that counts: the highest validation accuracy, the earliest of equals."""
    return max(history, key=lambda row: (row["val_accuracy"], -row["epoch"]))


def history_row(logs: Mapping[str, float]) -> dict[str, float]:
    """Return Keras's numbers of an epoch under the same names however many heads there are.

    With more than one head Keras says "emotion_accuracy"; here that is "accuracy". The loss is the weighted sum of all.
    """
    named = f"{list_heads()[0].name}_accuracy"
    return {name.replace(named, "accuracy"): float(value) for name, value in logs.items()}


def make_keeper(run: RunFolder, history: History, averager: Any = None) -> Any:  # noqa: ANN401 (Keras callbacks)
    """Return a callback that adds each epoch to `history` and saves its state into the run folder.

    The state is saved under the epoch's own name before the history names that epoch, and the older state is removed
    after it, so that at any moment the history's last epoch has its state.

    Args:
        run: Where to save.
        history: The rows so far; grows.
        averager: What `moue.training.average.make_averager` returned, where the best model is the averaged one.

    Raises:
        MoueError: (while training) the loss is no longer a number, or the disk is full.
    """
    keras = import_keras()

    class Keeper(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            self.started = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if batch % _STEPS_BETWEEN_LOOKS == 0 and logs:
                _refuse_divergence(float(logs["loss"]), len(history) + 1)

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            numbers = history_row(logs or {})
            _refuse_divergence(numbers["loss"], epoch + 1)
            history.append(
                {
                    "epoch": epoch + 1,
                    **numbers,
                    "learning_rate": float(self.model.optimizer.learning_rate),
                    "seconds": round(time.perf_counter() - self.started, 2),
                }
            )
            save_model(self.model, run.checkpoint(epoch + 1))
            if best_epoch(history) is history[-1]:
                with averager.applied() if averager else contextlib.nullcontext():
                    save_model(self.model, run.best)
            run.write_history(history)
            run.checkpoint(epoch).unlink(missing_ok=True)

    return Keeper()


def make_early_stopping(patience: int, history: History) -> Any:  # noqa: ANN401 (keras.callbacks.EarlyStopping)
    """Return Keras's EarlyStopping on the validation loss, which remembers the epochs of `history` on a resumed run."""
    keras = import_keras()

    class RememberingEarlyStopping(keras.callbacks.EarlyStopping):  # type: ignore[misc,name-defined]
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            super().on_train_begin(logs)
            for row in history:
                self.on_epoch_end(int(row["epoch"]) - 1, row)

    return RememberingEarlyStopping(monitor="val_loss", mode="min", patience=patience)


def _refuse_divergence(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise MoueError(
            f"the loss became {loss} in epoch {epoch}",
            "a finite number",
            "Lower it with --set learning_rate=... and start a new run.",
        )
