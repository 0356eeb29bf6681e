"""Keras callbacks of the command line: a line per epoch, and the command in the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.cli import console, options
from moue.files import read_json
from moue.training.backend import keras
from moue.training.callbacks import history_row

if TYPE_CHECKING:
    from moue.training.run_folder import RunFolder


class EpochLines(keras.callbacks.Callback):
    """Prints a line after each epoch.

    Args:
        run: The run folder; its history has the epochs before a resumed run.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self._best = max((row["val_accuracy"] for row in run.read_history()), default=-1.0)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the numbers of `epoch`, counted from 0."""
        values = history_row(logs or {})
        mark = "  best so far" if values["val_accuracy"] > self._best else ""
        self._best = max(self._best, values["val_accuracy"])
        console.note(
            f"epoch {epoch + 1:>3}/{self.params['epochs']}  loss {values['loss']:.3f}  acc {values['accuracy']:.1%}  "
            f"val_loss {values['val_loss']:.3f}  val_acc {values['val_accuracy']:.1%}{mark}"
        )


class CommandRecord(keras.callbacks.Callback):
    """Writes the command that started a run into its environment.json.

    Args:
        run: The run folder.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self._run = run

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Record the command, unless an earlier one is recorded."""
        if "command" not in read_json(self._run.environment):
            self._run.update_environment(command=options.command_line(without="--resume"))
