"""A training run that costs nothing: a formula of the settings gives its losses, and its run folder is real."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path

import keras
import optuna

from moue.progress import ignore_progress
from moue.training.callbacks import DivergedError
from moue.training.run_folder import RunFolder
from moue.training.train import TrainResult
from moue.training.tuning import confirm, study, trial, tune

ENVIRONMENT = {"versions": {}, "data": {}}


class Kill(BaseException):
    """Acts as if the process ended here: nothing catches it."""


def loss_of(config, epoch):
    """Return a loss that is lowest at learning_rate = 0.01; each seed adds a small offset."""
    distance = (math.log10(config.learning_rate) + 2) ** 2
    return 1.0 + distance + 0.5 / epoch + 0.01 * math.sin(7 * config.seed)


class CheapTraining:
    """Stands in for `moue.train`.

    Args:
        stop: Called with the configuration and the epoch before each epoch; may raise.
        diverges: Called with the configuration; whether its loss becomes NaN after the first epoch.
    """

    def __init__(self, stop=lambda *_: None, diverges=lambda _: False):
        self.stop = stop
        self.diverges = diverges
        self.epochs = []
        self.seen = []

    def __call__(self, config, dataset, out, *, resume=False, callbacks=(), progress=ignore_progress, export=True):
        assert callable(progress)
        assert not export
        self.seen.append(dataset)
        run = RunFolder(Path(out))
        history = run.read_history() if resume else run.create(config, ENVIRONMENT, None)
        for callback in callbacks:
            callback.set_params({"epochs": config.epochs, "steps": 1})
        try:
            for epoch in range(len(history) + 1, config.epochs + 1):
                self.stop(config, epoch)
                self._train_epoch(config, run, history, epoch)
                for callback in callbacks:
                    callback.on_epoch_end(epoch - 1, {})
        except KeyboardInterrupt:
            return self._result(run, history, interrupted=True)
        run.finish(len(history))
        return self._result(run, history, interrupted=False)

    def _train_epoch(self, config, run, history, epoch):
        if self.diverges(config) and epoch > 1:
            raise DivergedError(f"the loss became nan in epoch {epoch}", "a finite number")
        loss = loss_of(config, epoch)
        numbers = {"loss": loss, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 1 / (1 + loss)}
        history.append({"epoch": epoch, **numbers, "learning_rate": config.learning_rate, "seconds": 36.0})
        run.checkpoint(epoch).parent.mkdir(exist_ok=True)
        run.checkpoint(epoch).write_bytes(b"state")
        run.best.write_bytes(b"network")
        run.write_history(history)
        self.epochs.append((config.learning_rate, config.seed, epoch))

    def _result(self, run, history, *, interrupted):
        columns = {name: [row[name] for row in history] for name in (history[0] if history else ())}
        known = {"run": run.path, "history": columns, "best_epoch": len(history), "interrupted": interrupted}
        return TrainResult(**{field.name: known.get(field.name, 0) for field in dataclasses.fields(TrainResult)})


def install(monkeypatch, training):
    """Make studies use `training`, keep their trials in memory and write no page; return `training`."""
    monkeypatch.setattr(trial, "train", training)
    monkeypatch.setattr(confirm, "train", training)
    monkeypatch.setattr(tune, "write_page", lambda *_: None)
    monkeypatch.setattr(keras.utils, "clear_session", lambda: None)
    monkeypatch.setattr(study, "open_storage", _storage)
    return training


def stored_identity(folder):
    """Return the stored identity of a study in memory."""
    (summary,) = optuna.get_all_study_summaries(_storage(f"sqlite:///{(folder / 'study.db').resolve().as_posix()}"))
    return summary.user_attrs["moue"]


@functools.cache
def _storage(url):
    Path(url.removeprefix("sqlite:///")).touch()  # the file tells whether a study is new
    return optuna.storages.InMemoryStorage()
