"""One trial: a training that reports its validation loss to the study after each epoch, and may be pruned."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from moue.progress import ignore_progress
from moue.training.backend import keras
from moue.training.callbacks import DivergedError, best_epoch
from moue.training.run_folder import RunFolder
from moue.training.train import StoppedError, train
from moue.training.tuning.backend import optuna
from moue.training.tuning.study import STOPPED

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.progress import Progress
    from moue.training.config import TrainConfig
    from moue.training.run_folder import History
    from moue.training.tuning.study import SharedStudy

HEARTBEAT_SECONDS: Final = 30.0


class Watcher(keras.callbacks.Callback):
    """Reports each epoch's validation loss to a trial, and ends the training if the pruner says so.

    Args:
        study: The study, which receives heartbeats of the trial.
        trial: The trial.
        run: Its run folder, whose history already has the epoch that ends.
    """

    def __init__(self, study: SharedStudy, trial: optuna.Trial, run: RunFolder) -> None:
        super().__init__()
        self._study = study
        self._trial = trial
        self._run = run
        self._last_heartbeat = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Send a heartbeat now and then."""
        if time.monotonic() - self._last_heartbeat > HEARTBEAT_SECONDS:
            self._last_heartbeat = time.monotonic()
            self._study.send_heartbeat(self._trial)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Report the epoch."""
        report(self._trial, self._run.read_history()[epoch:], self.params["epochs"])


def report(trial: optuna.Trial, rows: History, epochs: int) -> None:
    """Report some epochs of a trial.

    Raises:
        TrialPruned: the pruner stops it. The recipe itself is never pruned, nor a trial after its last epoch.
    """
    for row in rows:
        trial.report(row["val_loss"], int(row["epoch"]))
    over = not rows or rows[-1]["epoch"] >= epochs
    if not over and "recipe" not in trial.user_attrs and trial.should_prune():
        raise optuna.TrialPruned


def run_trial(
    study: SharedStudy,
    trial: optuna.Trial,
    config: TrainConfig,
    dataset: Dataset,
    progress: Progress = ignore_progress,
) -> bool:
    """Train one trial and record in the study how it ended; return whether Ctrl-C stopped it.

    A trial whose earlier process was killed continues from its last whole epoch.

    Args:
        study: The study.
        trial: The trial.
        config: The recipe with the trial's values.
        dataset: Faces to train on and to validate with.
        progress: Called after each step.

    Raises:
        MoueError: the training failed for a reason other than its values. They will be retried.
    """
    run = run_of_trial(study, trial)
    try:
        report(trial, run.read_history(), config.epochs)
        watcher = Watcher(study, trial, run)
        resume = run.config.exists()
        result = train(config, dataset, run.path, resume=resume, callbacks=[watcher], progress=progress, export=False)
    except optuna.TrialPruned:
        end_pruned(study, trial, run)
        return False
    except DivergedError as error:
        end_diverged(study, trial, run, error.came)
        return False
    except (StoppedError, KeyboardInterrupt):
        study.requeue(trial.number, STOPPED)
        return True
    except Exception as error:
        study.requeue(trial.number, f"{type(error).__name__}: {error}"[:300])
        raise
    if result.interrupted:
        study.requeue(trial.number, STOPPED)
        return True
    end_finished(study, trial, run)
    return False


def run_of_trial(study: SharedStudy, trial: optuna.Trial) -> RunFolder:
    """Return the run folder of a trial; one that retries a killed trial has the folder of that one."""
    return RunFolder(study.folder / "trials" / trial.user_attrs["run"])


def end_finished(study: SharedStudy, trial: optuna.Trial, run: RunFolder) -> None:
    """Record in the study the lowest validation loss of a trial that has had all its epochs."""
    _end(trial, run)
    study.study.tell(trial, min(row["val_loss"] for row in run.read_history()))


def end_pruned(study: SharedStudy, trial: optuna.Trial, run: RunFolder) -> None:
    """Record in the study that a trial was pruned; its run folder keeps history and configuration."""
    _end(trial, run)
    study.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    drop_states(run)


def end_diverged(study: SharedStudy, trial: optuna.Trial, run: RunFolder, why: str) -> None:
    """As `end_pruned`, for a trial whose loss is no longer a number."""
    trial.set_user_attr("why", why)
    end_pruned(study, trial, run)


def _end(trial: optuna.Trial, run: RunFolder) -> None:
    """Store what the table of trials shows."""
    for name, value in summarize(run.read_history()).items():
        trial.set_user_attr(name, value)


def summarize(history: History) -> dict[str, Any]:
    """Return epochs, seconds, and accuracy and loss on the validation split; the accuracy is that of the best epoch."""
    summary = {"epochs": len(history), "seconds": round(sum(row["seconds"] for row in history), 1)}
    if not history:
        return summary
    return summary | {
        "val_accuracy": best_epoch(history)["val_accuracy"],
        "val_loss": min(row["val_loss"] for row in history),
    }


def drop_states(run: RunFolder) -> None:
    """Remove the models of a run that will not be continued; its history and configuration stay."""
    run.best.unlink(missing_ok=True)
    shutil.rmtree(run.checkpoint(0).parent, ignore_errors=True)
