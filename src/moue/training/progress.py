"""A live line of the training on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moue.training.backend import keras
from moue.training.callbacks import history_row

if TYPE_CHECKING:
    from moue.training.run_folder import History


def make_progress(
    epochs: int, steps: int, history: History, console: Console | None = None
) -> keras.callbacks.Callback:
    """Return a Keras callback that shows a bar of the epoch and prints a line after each.

    Args:
        epochs: Epochs at most.
        steps: Steps an epoch.
        history: The epochs already behind, when a run is resumed.
        console: Where to show it; standard error by default.
    """
    shown_on = console or Console(stderr=True, emoji=False)

    class ProgressBar(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_terminal)
            self.task = self.bar.add_task(f"epoch {len(history) + 1}/{epochs}", total=steps)
            self.best = max((row["val_accuracy"] for row in history), default=-1.0)
            self.bar.start()

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            self.bar.reset(self.task, total=steps, description=f"epoch {epoch + 1}/{epochs}")

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
            self.bar.update(self.task, completed=batch + 1)

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            values = history_row(logs or {})
            mark = "  best so far" if values["val_accuracy"] > self.best else ""
            self.best = max(self.best, values["val_accuracy"])
            self.bar.console.print(
                f"epoch {epoch + 1:>3}/{epochs}  loss {values['loss']:.3f}  acc {values['accuracy']:.1%}  "
                f"val_loss {values['val_loss']:.3f}  val_acc {values['val_accuracy']:.1%}{mark}",
                highlight=False,
                soft_wrap=True,
            )

        def close(self) -> None:
            if hasattr(self, "bar"):
                self.bar.stop()

    return ProgressBar()
