"""Training: it is repeatable and resumable, and loses nothing when it fails."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import ClassVar

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.classifier.classifier import Classifier
from moue.errors import MoueError

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.evaluation.figures import history_figure
from moue.training import callbacks, run_folder
from moue.training import train as train_module
from moue.training.backend import keras
from moue.training.callbacks import best_epoch
from moue.training.config import TrainConfig
from moue.training.train import train

CONFIG = TrainConfig(recipe="test", epochs=3, batch_size=32, seed=7)


@pytest.fixture(scope="module")
def faces():
    return make_dataset(140, seed=3)


@pytest.fixture(scope="module")
def whole(faces, tmp_path_factory):
    """An uninterrupted run."""
    return train(CONFIG, faces, tmp_path_factory.mktemp("runs") / "whole")


def weights_of(path):
    return keras.saving.load_model(path).get_weights()


def assert_same_weights(first, second):
    for one, other in zip(weights_of(first), weights_of(second), strict=True):
        np.testing.assert_array_equal(one, other)


def stop_at(epoch, monkeypatch, error=KeyboardInterrupt):
    """Let the next training raise `error` in the middle of an epoch (from 0)."""

    class Stopping(callbacks.Keeper):
        def on_train_batch_end(self, batch, logs=None):
            if len(self._history) == epoch and batch == 1:
                raise error
            super().on_train_batch_end(batch, logs)

    monkeypatch.setattr(callbacks, "Keeper", Stopping)


def test_a_run_writes_all_its_files(whole):
    names = {path.name for path in whole.run.iterdir()}
    assert names >= {
        "config.json", "environment.json", "history.json", "history.csv", "best.keras", "last.keras",
        "model.onnx", "model.json", "curves.png",
    }  # fmt: skip
    assert whole.history["epoch"] == [1, 2, 3]
    assert whole.best_val_accuracy == max(whole.history["val_accuracy"])
    environment = json.loads((whole.run / "environment.json").read_text())
    assert environment["best_epoch"] == whole.best_epoch
    assert environment["versions"]["keras"]


@pytest.mark.usefixtures("without_export")
def test_the_same_training_gives_the_same_weights(whole, faces, tmp_path):
    again = train(CONFIG, faces, tmp_path / "again")
    assert_same_weights(whole.run / "last.keras", again.run / "last.keras")
    assert again.history["val_loss"] == whole.history["val_loss"]


@pytest.mark.usefixtures("without_export")
@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(whole, faces, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(1, patch)
        stopped = train(CONFIG, faces, tmp_path / "run")
    assert stopped.interrupted
    assert stopped.history["epoch"] == [1]
    resumed = train(CONFIG, faces, tmp_path / "run", resume=True)
    assert not resumed.interrupted
    assert_same_weights(whole.run / "last.keras", resumed.run / "last.keras")
    assert_same_weights(whole.run / "best.keras", resumed.run / "best.keras")
    finished = train(CONFIG, faces, tmp_path / "run", resume=True)
    assert finished.history == resumed.history


@pytest.mark.usefixtures("without_export")
@pytest.mark.slow
def test_a_run_stopped_while_it_saves_an_epoch_keeps_the_epochs_before(whole, faces, tmp_path, monkeypatch):
    save_model = callbacks.save_model

    def stop(model, path):
        if path.name == "epoch-002.keras":
            raise KeyboardInterrupt
        save_model(model, path)

    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "save_model", stop)
        stopped = train(CONFIG, faces, tmp_path / "run")
    assert stopped.interrupted
    assert stopped.history["epoch"] == [1]
    assert json.loads((stopped.run / "environment.json").read_text())["best_epoch"] == 1
    resumed = train(CONFIG, faces, tmp_path / "run", resume=True)
    assert_same_weights(whole.run / "last.keras", resumed.run / "last.keras")


@pytest.mark.usefixtures("without_export")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["config.json", "environment.json"])
def test_a_run_killed_while_its_folder_is_made_can_be_started_again(faces, tmp_path, monkeypatch, name):
    write_json = run_folder.write_json

    def die(path, value):
        if path.name == name:
            (path.parent).mkdir(exist_ok=True)
            path.with_name(f".{path.stem}-abcdefgh.json").write_text("{")
            raise SystemExit
        write_json(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_json", die)
        with pytest.raises(SystemExit):
            train(CONFIG, faces, tmp_path / "run")
    short = dataclasses.replace(CONFIG, epochs=1)
    with pytest.raises(MoueError, match="no run to resume"):
        train(short, faces, tmp_path / "run", resume=True)
    assert train(short, faces, tmp_path / "run").history["epoch"] == [1]


@pytest.mark.usefixtures("without_export")
def test_a_run_killed_at_its_end_leaves_no_checkpoints(whole, faces, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole.run, run)
    (run / "checkpoints").mkdir()
    train(CONFIG, faces, run, resume=True)
    assert not (run / "checkpoints").exists()


def test_the_exported_model_is_the_best_epoch(whole, faces):
    images = faces.subset("val").images
    keras_model = keras.saving.load_model(whole.run / "best.keras")
    exported = Classifier.load(whole.run).predict_proba(images, head="emotion", calibrated=False)
    np.testing.assert_allclose(exported, keras_model.predict(images, verbose=0), atol=1e-5)


@pytest.mark.usefixtures("without_export")
def test_a_diverged_loss_ends_with_advice(faces, tmp_path):
    with pytest.raises(MoueError, match=r"the (loss|weights) became (nan|inf)(?s:.*)--set learning_rate="):
        train(TrainConfig(epochs=2, batch_size=8, learning_rate=1e30), faces, tmp_path / "run")


@pytest.mark.usefixtures("without_export")
@pytest.mark.slow
def test_a_full_disk_keeps_the_epochs_before(faces, tmp_path, monkeypatch):
    stop_at(2, monkeypatch, OSError(28, "No space left on device"))
    with pytest.raises((MoueError, OSError), match="No space left"):
        train(CONFIG, faces, tmp_path / "run")
    assert len(json.loads((tmp_path / "run" / "history.json").read_text())) == 2
    assert (tmp_path / "run" / "checkpoints" / "epoch-002.keras").exists()


def test_early_stopping_remembers_the_epochs_before_a_resume():
    losses = [1.0, 0.9, 0.95, 0.96]
    history = [{"epoch": k + 1, "val_loss": loss} for k, loss in enumerate(losses)]
    stopping = callbacks.RememberingEarlyStopping(3, history)
    stopping.set_model(keras.Sequential())
    stopping.on_train_begin()
    assert (stopping.best, stopping.wait) == (0.9, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 8}, "started with other choices .seed: 7 there, 8 now"),
        ({"epochs": 4}, "epochs: 3 there, 4 now"),
    ],
)
def test_resuming_with_other_choices_is_refused(whole, faces, change, message):
    with pytest.raises(MoueError, match=message):
        train(TrainConfig(**(CONFIG.to_dict() | change)), faces, whole.run, resume=True)


def test_resuming_with_other_data_is_refused(whole):
    with pytest.raises(MoueError, match="the data: checksum"):
        train(CONFIG, make_dataset(140, seed=4), whole.run, resume=True)


def test_an_existing_folder_is_left_alone(whole, faces, tmp_path):
    with pytest.raises(MoueError, match=r"already exists(?s:.*)--resume"):
        train(CONFIG, faces, whole.run)
    with pytest.raises(MoueError, match="no run to resume"):
        train(CONFIG, faces, tmp_path, resume=True)


def test_a_split_without_faces_is_refused(faces, tmp_path):
    with pytest.raises(MoueError, match="no faces in its val split"):
        train(CONFIG, faces.subset("train"), tmp_path / "run")


def test_a_validation_loss_that_is_not_a_number_ends_the_training(tmp_path):
    keeper = callbacks.Keeper(run_folder.RunFolder(tmp_path / "run"), [])
    keeper.on_epoch_begin(0)
    with pytest.raises(MoueError, match="the val_loss became nan in epoch 1"):
        keeper.on_epoch_end(0, {"loss": 1.0, "accuracy": 0.5, "val_loss": float("nan"), "val_accuracy": 0.5})


def test_a_model_that_cannot_be_built_leaves_no_folder(faces, tmp_path):
    with pytest.raises(MoueError, match="unknown model 'huge'"):
        train(TrainConfig(model="huge"), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_single_class_is_refused(faces, tmp_path):
    happy = dataclasses.replace(faces, labels=np.where(faces.split == "train", 3, faces.labels).astype(np.uint8))
    with pytest.raises(MoueError, match=r"all training faces of random are 'happy'(?s:.*)two classes"):
        train(CONFIG, happy, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("without_export")
@pytest.mark.slow
def test_callbacks_and_progress_are_called(faces, tmp_path, monkeypatch):
    """The caller's callbacks see every epoch, may stop the training, and change nothing else."""
    monkeypatch.setattr(train_module, "export_run", lambda *_: None)
    steps = []

    class Watching(keras.callbacks.Callback):
        seen: ClassVar = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append((epoch, logs["val_loss"]))
            self.model.stop_training = epoch == 1

    result = train(CONFIG, faces, tmp_path / "run", callbacks=[Watching()], progress=lambda *step: steps.append(step))
    assert [epoch for epoch, _ in Watching.seen] == [0, 1]
    assert [loss for _, loss in Watching.seen] == result.history["val_loss"]
    # 84 faces in batches of 32.
    assert steps == [(done, 9) for done in range(1, 7)]


def test_among_equal_accuracies_the_lowest_loss_decides_and_then_the_first():
    def history(*pairs):
        return [
            {"epoch": number, "val_accuracy": right, "val_loss": loss} for number, (right, loss) in enumerate(pairs, 1)
        ]

    for rows, expected in (
        (history((1.0, 0.9), (1.0, 0.4), (1.0, 0.5)), 2),
        (history((0.8, 0.3), (0.9, 0.7), (0.9, 0.7)), 2),
        (history((0.9, 0.9), (0.8, 0.1)), 1),
    ):
        assert best_epoch(rows)["epoch"] == expected
        assert f"best epoch {expected}: " in _legend(rows)


def _legend(rows):
    axes = history_figure(rows, ("accuracy",)).axes[0]
    return " ".join(text.get_text() for text in axes.get_legend().get_texts())
