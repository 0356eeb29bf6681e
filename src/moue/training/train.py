"""`train`: trains a configured model on a data set and leaves a run folder with the exported model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError
from moue.evaluation.figures import plot_history
from moue.files import as_path, locked
from moue.progress import ignore_progress
from moue.training.backend import keras
from moue.training.batches import Feed
from moue.training.callbacks import best_epoch, list_callbacks
from moue.training.config import refuse_no_config
from moue.training.devices import find_devices
from moue.training.distill import find_teacher
from moue.training.finetune import fit_first_head, keep_statistics, refuse_no_start, start_from_earlier
from moue.training.network import assemble, compile_model
from moue.training.publish import export_run
from moue.training.resume import is_over, open_run
from moue.training.run_folder import RunFolder, describe_environment
from moue.training.targets import for_keras, make_targets, make_training_targets, refuse_unfit_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.data.dataset import Dataset
    from moue.progress import Progress
    from moue.training.config import TrainConfig
    from moue.training.run_folder import History
    from moue.training.teacher_outputs import TeacherOutputs

_EVALUATION_BATCH: Final = 256


class StoppedError(MoueError):
    """Ctrl-C came before the first epoch had ended, so there is nothing to return."""


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """A training that has ended.

    Attributes:
        run: The run folder.
        history: One list per quantity, one number per epoch, as in Keras: epoch (from 1), loss, accuracy, val_loss,
            val_accuracy, learning_rate, seconds. With several heads, accuracy is that of "emotion" and loss the
            weighted sum; the loss of each head is there too.
        best_epoch: The epoch with the highest validation accuracy, among equals with the lowest validation loss; its
            model was exported.
        best_val_accuracy: Its validation accuracy, 0-1.
        baseline: The validation accuracy of always predicting the most frequent class of the training split, 0-1.
        interrupted: Whether Ctrl-C ended it early.
        exported: Whether model.onnx was written; this needs Keras's TensorFlow backend.
    """

    run: Path
    history: dict[str, list[float]]
    best_epoch: int
    best_val_accuracy: float
    baseline: float
    interrupted: bool
    exported: bool


def train(  # noqa: PLR0913 (what is trained, and how the caller takes part)
    config: TrainConfig,
    dataset: Dataset,
    out: str | Path,
    *,
    teacher: TeacherOutputs | str | Path | None = None,
    resume: bool = False,
    devices: int = 1,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Progress = ignore_progress,
    export: bool = True,
) -> TrainResult:
    """Train a registered model on the training split; the validation split decides the epoch.

    The training split is fitted. The validation split (PublicTest) decides when to stop and which epoch counts. The
    test split is not used. The same configuration, data, initial weights and machine give the same weights. An
    interrupted run that is resumed gives the weights of an uninterrupted one.

    Args:
        config: The configuration.
        dataset: Faces with a "train" and a "val" split.
        out: The run folder; it must be new unless `resume` is true.
        teacher: For a `distill_weight` above 0: what `moue.teach` returned, or a file that it was saved to. The run
            folder keeps a copy, so a resumed run needs none.
        resume: Continue an interrupted run in `out`.
        devices: How many devices of this machine to train on; more than one needs Keras's JAX backend. They share each
            batch, so the result is that of one device up to rounding.
        callbacks: Additional Keras callbacks, e.g. for TensorBoard, MLflow or Weights & Biases.
        progress: Called after each step with the steps done and the steps of all epochs.
        export: Whether to write model.onnx at the end.

    Returns:
        The outcome. `moue.training.run_folder` lists the files.

    Raises:
        MoueError: an existing folder, nothing to resume, other choices or data than before, an empty split, a single
            class, no teacher, initial weights that do not fit, a loss that is no longer a number, a full disk, or
            another process that trains in `out`. Everything up to the last whole epoch stays in `out`.
    """
    refuse_no_config(config)
    run = RunFolder(as_path(out, "the run folder"))
    with locked(run.path):
        refuse_unfit_data(dataset, config)
        refuse_no_start(config)
        shared = find_devices(devices, config)
        stored = run.teacher if resume and run.teacher.exists() else None
        teacher_outputs = find_teacher(teacher or stored, config, dataset)
        # Before the folder is made, so that a model that cannot be built leaves nothing behind.
        keras.utils.set_random_seed(config.seed)
        with shared.holding_variables():
            model = assemble(config, len(dataset.class_names))
        environment = describe_environment(dataset, teacher_outputs)
        if config.initial_weights and not (resume and run.read_history()):  # later epochs have their own weights
            environment["initial_weights"] = start_from_earlier(
                model, config.initial_weights, dataset.subset("train").images
            )
            if config.finetune:
                fit_first_head(model, dataset, config)
        if config.finetune:
            keep_statistics(model)
        history = open_run(run, config, environment) if resume else run.create(config, environment, teacher_outputs)
        interrupted = False
        if not is_over(history, config.epochs, config.early_stopping_patience):
            training = dataset.subset("train")
            parts = teacher_outputs.each_copy() if teacher_outputs else [None]
            targets = [make_training_targets(training, config, part) for part in parts]
            feed = Feed(training.images, targets, config, len(history))
            with shared.holding_variables():
                compile_model(model, config, len(feed), state=run.checkpoint(len(history)) if history else None)
            run.update_environment(num_devices=devices)
            ours = list_callbacks(config, feed, run, history, progress)
            validation = dataset.subset("val")
            plain = (validation.images, for_keras(make_targets(validation, config)))
            validation_data = shared.spread_faces(plain, _EVALUATION_BATCH)
            epochs = range(len(history), config.epochs)
            interrupted = _fit(model, shared.spread(feed), validation_data, epochs, [*ours, *callbacks])
            # After Ctrl-C the last row may belong to an epoch whose state was not saved.
            history = run.read_history()
        return _conclude(run, dataset, history, interrupted=interrupted, export=export)


def _fit(
    model: keras.Model,
    feed: keras.utils.PyDataset,
    validation: object,
    epochs: range,
    callbacks: list[keras.callbacks.Callback],
) -> bool:
    """Train for these epochs, counted from 0; return whether Ctrl-C ended it."""
    try:
        model.fit(
            feed,
            epochs=epochs.stop,
            initial_epoch=epochs.start,
            validation_data=validation,
            validation_batch_size=_EVALUATION_BATCH,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    except KeyboardInterrupt:
        return True
    return False


def _baseline(dataset: Dataset) -> float:
    most = np.bincount(dataset.labels[dataset.where("train")]).argmax()
    return float((dataset.labels[dataset.where("val")] == most).mean())


def _conclude(run: RunFolder, dataset: Dataset, history: History, *, interrupted: bool, export: bool) -> TrainResult:
    """Export the best model if `export`, draw the curves, and record how the run ended."""
    if not history:
        raise StoppedError("stopped before the end of the first epoch", fix="Repeat the command with --resume.")
    best = best_epoch(history)
    run.update_environment(
        interrupted=interrupted,
        best_epoch=int(best["epoch"]),
        best_val_accuracy=best["val_accuracy"],
        seconds_total=round(sum(row["seconds"] for row in history), 1),
    )
    if not interrupted:
        run.finish(len(history))
    plot_history(history, run.curves)
    exported = export and keras.backend.backend() == "tensorflow" and export_run(run, dataset) is not None
    return TrainResult(
        run=run.path,
        history={name: [row[name] for row in history] for name in history[0]},
        best_epoch=int(best["epoch"]),
        best_val_accuracy=best["val_accuracy"],
        baseline=_baseline(dataset),
        interrupted=interrupted,
        exported=exported,
    )
