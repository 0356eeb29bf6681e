"""`train`: from a configuration and data to a run folder with an exported model."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.evaluation.figures import plot_history
from moue.files import locked, read_json, sha256_of, write_json
from moue.training.average import Averager
from moue.training.backend import keras
from moue.training.batches import Feed
from moue.training.callbacks import Keeper, RememberingEarlyStopping, Reseeder, best_epoch
from moue.training.distill import load_teacher
from moue.training.finetune import find_weights, start_from
from moue.training.network import assemble, compile_model
from moue.training.progress import make_progress
from moue.training.publish import export_run
from moue.training.run_folder import RunFolder, describe_environment
from moue.training.targets import for_keras, make_targets, make_training_targets, needs_votes, refuse_missing_votes

if TYPE_CHECKING:
    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig
    from moue.training.run_folder import History

_EVALUATION_BATCH: Final = 256


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """A training that has ended.

    Attributes:
        run: The run folder.
        history: One row an epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy, learning_rate, seconds. With
            a second head accuracy is that of "emotion", loss the weighted sum, and each head's own loss stands beside.
        best_epoch: The epoch of highest validation accuracy, whose model was exported.
        best_val_accuracy: Its validation accuracy, 0-1.
        interrupted: Whether Ctrl-C ended it before its time.
        exported: Whether model.onnx was written; only Keras's TensorFlow backend can.
    """

    run: Path
    history: tuple[dict[str, float], ...]
    best_epoch: int
    best_val_accuracy: float
    interrupted: bool
    exported: bool


def train(
    config: TrainConfig,
    dataset: Dataset,
    out: str | Path,
    *,
    resume: bool = False,
    progress: bool = False,
    command: str = "",
) -> TrainResult:
    """Train a registered network on the training split, choosing by the validation split.

    Training is fitted, validation (PublicTest) decides when to stop and which epoch counts; the test split is not
    looked at. The same configuration, data, initial weights and machine give the same weights; an interrupted run
    that is resumed gives those of an uninterrupted one.

    Args:
        config: Every choice.
        dataset: Faces with a "train" and a "val" split.
        out: The run folder, new unless `resume`; with a `distill_weight` it holds what `moue.teach` put there.
        resume: Go on with an interrupted run in `out`.
        progress: Show progress on standard error.
        command: The command that started it, for environment.json.

    Returns:
        What came of it; the files are listed in `moue.training.run_folder`.

    Raises:
        MoueError: an existing folder, nothing to resume, other choices or data than before, an empty split, initial
            weights that do not fit, a loss that is no longer a number, a full disk, or another process that
            trains in `out`. Everything up to the last whole epoch stays in `out`.
    """
    with locked(out):
        return _train(config, dataset, RunFolder(Path(out)), resume=resume, progress=progress, command=command)


def _train(
    config: TrainConfig, dataset: Dataset, run: RunFolder, *, resume: bool, progress: bool, command: str
) -> TrainResult:
    for split in ("train", "val"):
        if not len(dataset.where(split)):
            raise MoueError(f"{dataset.source} has no faces in its {split} split", "faces to fit and to choose by")
    refuse_missing_votes(dataset, config)
    # Before the folder is made: what cannot be built leaves nothing behind.
    keras.utils.set_random_seed(config.seed)
    model = assemble(config, len(dataset.class_names))
    going_on = resume and run.read_history()  # such a run has its own weights by now
    start = {} if going_on or not config.initial_weights else _start(model, config.initial_weights)
    teacher = load_teacher(run, config, dataset)
    environment = describe_environment(dataset, command) | start
    if teacher:
        environment["data"] |= {"teacher": teacher.origin, "teacher_checksum": teacher.checksum}
    if resume:
        history = run.open(config)
        _refuse_other_data(run, config, environment)
        _refuse_other_start(run, start)
    else:
        history = []
        run.create(config, environment)
    interrupted = not _is_over(config, history) and _fit(model, config, dataset, run, history, progress=progress)
    if not history:
        raise MoueError("stopped before the first epoch had ended", fix="Go on with the same command and --resume.")
    return _conclude(run, config, dataset, history, interrupted=interrupted)


def _start(model: keras.Model, source: str) -> dict[str, Any]:
    """Put in the weights to start from; return what environment.json says of them."""
    path = find_weights(source)
    left = start_from(model, path)
    earlier = RunFolder(path.parent).environment
    command = read_json(earlier).get("command", "") if earlier.exists() else ""
    return {"initial_weights": {"sha256": sha256_of(path), "command": command, "heads_left_random": list(left)}}


def _refuse_other_data(run: RunFolder, config: TrainConfig, environment: dict[str, Any]) -> None:
    before, now = read_json(run.environment)["data"], environment["data"]
    counted = {"checksum": ("the data", "has"), "votes_checksum": ("the FER+ votes", "have")}
    if config.distill_weight:
        counted["teacher_checksum"] = ("the teacher's answers", "have")
    for key, (name, verb) in counted.items():
        if key == "votes_checksum" and not needs_votes(config):
            continue
        if before[key] != now[key]:
            raise MoueError(
                f"{name} {verb} checksum {now[key][:12]}…, the run was started with {before[key][:12]}…",
                "the same data",
                "Start a new run.",
            )


def _refuse_other_start(run: RunFolder, start: dict[str, Any]) -> None:
    """Check that a run cut in its first epoch starts from the weights it says it started from."""
    if start:
        before, now = (one["initial_weights"]["sha256"] for one in (read_json(run.environment), start))
        if before != now:
            raise MoueError(
                f"the initial weights have SHA-256 {now[:12]}…, the run was started with {before[:12]}…",
                "the same weights",
                "Start a new run.",
            )


def _is_over(config: TrainConfig, history: History) -> bool:
    """Whether a resumed run had already come to its end."""
    if len(history) >= config.epochs:
        return True
    losses = [row["val_loss"] for row in history]
    return 0 < config.early_stopping_patience < len(losses) - losses.index(min(losses)) if losses else False


def _fit(
    model: keras.Model,
    config: TrainConfig,
    dataset: Dataset,
    run: RunFolder,
    history: History,
    *,
    progress: bool,
) -> bool:
    """Train from where `history` ends; return whether Ctrl-C ended it."""
    validation = dataset.subset("val")
    teacher = load_teacher(run, config, dataset)
    training = dataset.subset("train")
    targets = make_training_targets(training, config, teacher.probabilities if teacher else None)
    feed = Feed(training.images, targets, config, len(history))
    compile_model(model, config, len(feed), state=run.checkpoint(len(history)) if history else None)
    averager = Averager(feed) if config.ema else None
    callbacks = [
        Reseeder(config.seed),
        *([averager] if averager else []),
        Keeper(run, history, averager),
        *_optional_callbacks(config, run, history),
    ]
    bar = make_progress(config.epochs, len(feed), history) if progress else None
    try:
        model.fit(
            feed,
            epochs=config.epochs,
            initial_epoch=len(history),
            validation_data=(validation.images, for_keras(make_targets(validation, config))),
            validation_batch_size=_EVALUATION_BATCH,
            callbacks=[*callbacks, bar] if bar else callbacks,
            shuffle=False,
            verbose=0,
        )
    except KeyboardInterrupt:
        history[:] = run.read_history()  # the last row may be of an epoch whose state was not saved any more
        return True
    finally:
        if bar:
            bar.close()
    return False


def _optional_callbacks(config: TrainConfig, run: RunFolder, history: History) -> list[keras.callbacks.Callback]:
    callbacks = []
    if config.early_stopping_patience:
        callbacks.append(RememberingEarlyStopping(config.early_stopping_patience, history))
    if keras.backend.backend() == "tensorflow" and importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(log_dir=str(run.path / "tensorboard"), write_graph=False))
    return callbacks


def _conclude(
    run: RunFolder, config: TrainConfig, dataset: Dataset, history: History, *, interrupted: bool
) -> TrainResult:
    """Export the best model, draw the curves, and note how the run ended."""
    best = best_epoch(history)
    write_json(
        run.environment,
        read_json(run.environment)
        | {
            "interrupted": interrupted,
            "best_epoch": int(best["epoch"]),
            "best_val_accuracy": best["val_accuracy"],
            "seconds_total": round(sum(row["seconds"] for row in history), 1),
        },
    )
    if not interrupted:
        if run.checkpoint(len(history)).exists():
            run.checkpoint(len(history)).replace(run.last)
        # A killed process may have left the empty folder, or a temporary file in it.
        shutil.rmtree(run.checkpoint(0).parent, ignore_errors=True)
    plot_history(history, run.curves)
    return TrainResult(
        run=run.path,
        history=tuple(history),
        best_epoch=int(best["epoch"]),
        best_val_accuracy=best["val_accuracy"],
        interrupted=interrupted,
        exported=keras.backend.backend() == "tensorflow" and export_run(run, config, dataset) is not None,
    )
