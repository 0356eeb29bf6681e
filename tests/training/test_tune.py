"""Tuning: the same trials after any interruption, nothing of the test split, and an honest winner."""

from __future__ import annotations

import csv
import dataclasses
import statistics

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.errors import MissingExtraError, MoueError

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from helpers.tuning import CheapTraining, Kill, install, loss_of
from moue.training.config import TrainConfig
from moue.training.train import train
from moue.training.tuning import backend
from moue.training.tuning.budget import Budget
from moue.training.tuning.confirm import Confirm
from moue.training.tuning.data import study_faces
from moue.training.tuning.options import TuneOptions
from moue.training.tuning.page import verdict
from moue.training.tuning.tune import tune

NONE = Confirm(0, 0)
CONFIG = TrainConfig(recipe="test", epochs=4, learning_rate=0.001)
SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "flip": {"choices": [False, True]},
    "model_options": {"conv_dropout": {"low": 0.0, "high": 0.5}},
}


@pytest.fixture(scope="module")
def faces():
    return make_dataset(140, seed=3)


def search(faces, out, *, trials=12, confirm=NONE, config=CONFIG, space=SPACE, **options):
    chosen = TuneOptions(budget=Budget(trials=trials), confirm=confirm, **options)
    return tune(config, faces, out, space=space, options=chosen)


def outcomes(result):
    """The outcome of each set of values, in the order in which they were first tried."""
    ended = [row for row in result.trials if row.state in ("finished", "pruned")]
    return [(row.values, row.state, row.losses) for row in sorted(ended, key=lambda row: row.run)]


@pytest.fixture
def training(monkeypatch):
    return install(monkeypatch, CheapTraining())


@pytest.fixture
def whole(faces, tmp_path, training):
    training.epochs.clear()
    return search(faces, tmp_path / "whole")


def stop_once(error, at):
    """Raise `error` before the training's `at`-th epoch, over all trials."""
    counted = []

    def stop(_config, _epoch):
        counted.append(1)
        if len(counted) == at:
            raise error

    return stop


def test_a_study_searches_prunes_and_writes_its_result(whole, training):
    states = [row.state for row in whole.trials]
    assert len(states) == 12
    assert set(states) == {"finished", "pruned"}
    assert whole.trials[0].is_recipe
    assert whole.trials[0].values == {"learning_rate": 0.001, "flip": False, "model_options.conv_dropout": 0.25}
    finished = [row for row in whole.trials if row.state == "finished"]
    assert whole.best == min(finished, key=lambda row: row.val_loss)
    assert whole.best.val_loss == pytest.approx(
        loss_of(TrainConfig(learning_rate=whole.best.values["learning_rate"]), 4)
    )
    assert len(training.epochs) == sum(row.epochs for row in whole.trials) < 12 * 4


def test_the_best_recipe_trains_as_the_winner_did(whole):
    config = TrainConfig.from_recipe(whole.recipe)
    options = {"conv_dropout": whole.best.values["model_options.conv_dropout"]}
    rest = {name: whole.best.values[name] for name in ("learning_rate", "flip")}
    assert config == dataclasses.replace(CONFIG, recipe="best", model_options=options, **rest)


def test_the_table_has_every_trial(whole):
    with (whole.out / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == list(range(12))
    assert [row["state"] for row in rows] == [row.state for row in whole.trials]
    assert [float(row["learning_rate"]) for row in rows] == [row.values["learning_rate"] for row in whole.trials]
    assert [float(row["val_loss"]) for row in rows] == [min(row.losses.values()) for row in whole.trials]


def test_a_pruned_trial_keeps_its_row_but_not_its_model(whole):
    for row in whole.trials:
        run = whole.out / "trials" / row.run
        assert (run / "history.json").exists()
        assert (run / "best.keras").exists() == (row.state == "finished")
        assert not (run / "checkpoints").exists()


@pytest.mark.parametrize(("error", "at"), [(Kill, 1), (KeyboardInterrupt, 2), (Kill, 18), (KeyboardInterrupt, 25)])
def test_an_interrupted_study_continues_as_if_it_had_not_been(whole, faces, tmp_path, monkeypatch, error, at):
    broken = install(monkeypatch, CheapTraining(stop=stop_once(error, at)))
    if error is Kill:
        with pytest.raises(Kill):
            search(faces, tmp_path / "study")
    else:
        assert search(faces, tmp_path / "study").interrupted
    resumed = search(faces, tmp_path / "study")
    assert outcomes(resumed) == outcomes(whole)
    assert resumed.best.values == whole.best.values
    lost = [row for row in resumed.trials if row.state == ("killed" if error is Kill else "stopped")]
    again = [row for row in resumed.trials if row.note == f"retries trial {lost[0].number}"]
    assert len(lost) == len(again) == 1
    assert lost[0].values == again[0].values
    # No epoch was trained twice: the trial continued after its last one.
    assert len(broken.epochs) == len(set(broken.epochs))


def test_a_finished_study_trains_nothing_and_more_trials_continue_it(whole, faces, training, tmp_path):
    before = len(training.epochs)
    again = search(faces, whole.out)
    assert (again.trials, len(training.epochs)) == (whole.trials, before)
    more = search(faces, whole.out, trials=15)
    assert more.trials[:12] == whole.trials
    assert outcomes(more) == outcomes(search(faces, tmp_path / "fifteen", trials=15))


def test_another_seed_searches_elsewhere(whole, faces, tmp_path):
    other = search(faces, tmp_path / "other", config=dataclasses.replace(CONFIG, seed=1))
    assert outcomes(other)[1][0] != outcomes(whole)[1][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": dataclasses.replace(CONFIG, batch_size=64)}, "batch_size: 128 there, 64 now"),
        ({"config": dataclasses.replace(CONFIG, epochs=5)}, "epochs: 4 there, 5 now"),
        ({"space": SPACE | {"flip": {"choices": [True, False]}}}, "flip: choices"),
        ({"space": {"flip": SPACE["flip"]}}, "learning_rate: .*there, None now"),
        ({"pruner": "none"}, "pruner: 'median' there, 'none' now"),
        ({"fraction": 0.5}, "fraction: 1.0 there, 0.5 now"),
        ({"faces": make_dataset(140, seed=4)}, "checksum: .* there"),
    ],
)
def test_a_study_refuses_another_recipe_or_other_data(whole, faces, changes, message):
    with pytest.raises(MoueError, match=f"a study of something else(?s:.*){message}(?s:.*)name another --out"):
        search(changes.pop("faces", faces), whole.out, **changes)


def test_nothing_of_the_test_split_reaches_a_trial(whole, faces, training, tmp_path):
    poisoned = dataclasses.replace(faces, images=faces.images.copy(), labels=faces.labels.copy())
    test = faces.where("test")
    poisoned.images[test] = 255 - poisoned.images[test]
    poisoned.labels[test] = (poisoned.labels[test] + 1) % 7
    assert poisoned.checksum != faces.checksum
    training.seen.clear()
    result = search(poisoned, tmp_path / "poisoned")
    assert outcomes(result) == outcomes(whole)
    assert all(set(seen.split.tolist()) == {"train", "val"} for seen in training.seen)
    # It is even the same study.
    assert search(poisoned, whole.out).trials == whole.trials


def test_validation_faces_that_are_in_training_too_are_left_out(faces):
    images = faces.images.copy()
    train, val = faces.where("train"), faces.where("val")
    images[val[:3]] = images[train[:3]]
    kept = study_faces(dataclasses.replace(faces, images=images))
    np.testing.assert_array_equal(kept.rows, np.sort(np.concatenate([train, val[3:]])))


def test_a_fraction_is_drawn_from_each_class_and_is_the_same_each_time(faces):
    part = study_faces(faces, 0.5, seed=2)
    assert list(part.counts()["train"].values()) == [round(0.5 * one) for one in faces.counts()["train"].values()]
    assert part.counts()["val"] == faces.counts()["val"]
    np.testing.assert_array_equal(part.rows, study_faces(faces, 0.5, seed=2).rows)
    assert part.rows.tolist() != study_faces(faces, 0.5, seed=3).rows.tolist()
    with pytest.raises(MoueError, match=r"fraction = 1\.5"):
        study_faces(faces, 1.5)


def test_a_diverged_trial_is_a_pruned_row(faces, tmp_path, monkeypatch):
    install(monkeypatch, CheapTraining(diverges=lambda config: config.learning_rate > 0.1))
    result = search(faces, tmp_path / "study", pruner="none")
    wild = [row for row in result.trials if row.values["learning_rate"] > 0.1]
    assert wild
    assert {row.state for row in wild} == {"pruned"}
    assert {row.note for row in wild} == {"the loss became nan in epoch 2"}
    assert result.best.values["learning_rate"] <= 0.1


def test_a_failed_training_is_retried_until_it_has_failed_three_times(faces, tmp_path, monkeypatch):
    def fail(config, _epoch):
        if config.learning_rate > 0.1:
            raise OSError(28, "No space left on device")

    install(monkeypatch, CheapTraining(stop=fail))
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            search(faces, tmp_path / "study", trials=30)
    monkeypatch.undo()
    install(monkeypatch, CheapTraining())
    result = search(faces, tmp_path / "study", trials=5)
    failed = [row for row in result.trials if row.state == "failed"]
    assert len(failed) == 3
    assert len({tuple(row.values.values()) for row in failed}) == 1
    assert all("No space left" in row.note for row in failed)
    assert len(outcomes(result)) >= 4


@pytest.mark.parametrize("pruner", ["hyperband", "none"])
@pytest.mark.usefixtures("training")
def test_other_pruners(faces, tmp_path, pruner):
    result = search(faces, tmp_path / "study", trials=16, pruner=pruner)
    assert any(row.state == "pruned" for row in result.trials) == (pruner == "hyperband")
    assert result.trials[0].epochs == CONFIG.epochs


@pytest.mark.usefixtures("training")
def test_a_budget_in_hours_or_epochs_counts_all_trials(faces, tmp_path):
    # An epoch of these takes 36 s.
    hours = TuneOptions(budget=Budget(hours=0.1), confirm=NONE, pruner="none")
    result = tune(CONFIG, faces, tmp_path / "hours", space=SPACE, options=hours)
    assert sum(row.epochs for row in result.trials) == 12  # the third trial ends above 10 epochs
    epochs = dataclasses.replace(hours, budget=Budget(epochs=16))
    assert len(tune(CONFIG, faces, tmp_path / "epochs", space=SPACE, options=epochs).trials) == 4
    both = dataclasses.replace(hours, budget=Budget(trials=2, epochs=16))
    assert len(tune(CONFIG, faces, tmp_path / "both", space=SPACE, options=both).trials) == 2


@pytest.mark.parametrize("values", [{"trials": 0}, {"hours": -1.0}, {"hours": float("nan")}, {"epochs": 0}])
def test_wrong_budgets(values):
    with pytest.raises(MoueError, match="a budget of"):
        Budget(**values)


def test_the_winner_is_the_best_with_new_seeds(faces, tmp_path, training):
    result = search(faces, tmp_path / "study", confirm=Confirm(3, 2))
    assert [one.name for one in result.candidates].count("the recipe") == 1
    assert len(result.candidates) == 4
    for one in result.candidates:
        assert one.losses == tuple(loss_of(dataclasses.replace(one.config, seed=seed), 4) for seed in (1, 2))
        assert one.mean == statistics.fmean(one.losses)
    means = [one.mean for one in result.candidates]
    assert means == sorted(means)
    assert result.best.number == result.candidates[0].trial
    trained = len(training.epochs)
    assert search(faces, tmp_path / "study", confirm=Confirm(3, 2)).candidates == result.candidates
    assert len(training.epochs) == trained


def test_a_lucky_seed_does_not_win(faces, tmp_path, monkeypatch):
    """The trial of lowest loss is worse than the recipe with every other seed."""
    from helpers import tuning

    def loss(config, epoch):
        lucky = config.seed == 0 or config.learning_rate == CONFIG.learning_rate
        return (1.5 if lucky else 3.0) + 0.1 / epoch + 0.001 * config.learning_rate * (-1 if config.seed == 0 else 1)

    monkeypatch.setattr(tuning, "loss_of", loss)
    install(monkeypatch, CheapTraining())
    result = search(faces, tmp_path / "study", confirm=Confirm(2, 2))
    assert min(result.trials, key=lambda row: row.val_loss).number != 0
    assert result.best.is_recipe
    assert verdict(result.candidates) == "With new seeds, no trial has a lower mean loss than the recipe."


def test_the_confirmation_continues_after_ctrl_c(faces, tmp_path, monkeypatch):
    install(monkeypatch, CheapTraining())
    whole = search(faces, tmp_path / "whole", confirm=Confirm(2, 2))
    broken = install(monkeypatch, CheapTraining())
    search(faces, tmp_path / "study")
    broken.stop = stop_once(KeyboardInterrupt, 7)
    stopped = search(faces, tmp_path / "study", confirm=Confirm(2, 2))
    assert stopped.interrupted
    assert [len(one.losses) for one in stopped.candidates].count(0) == 2
    resumed = search(faces, tmp_path / "study", confirm=Confirm(2, 2))
    assert resumed.candidates == whole.candidates
    assert len(broken.epochs) == len(set(broken.epochs))


@pytest.mark.parametrize("text", ["3", "x2", "3x0", "0x2", "-1x2", "three"])
def test_wrong_texts_for_new_seeds(text):
    with pytest.raises(MoueError, match="BESTxSEEDS"):
        Confirm.from_text(text)


@pytest.mark.parametrize("value", [None, "seed_cnn"])
def test_anything_but_a_configuration_is_refused(faces, tmp_path, value):
    for call in (tune, train):
        with pytest.raises(MoueError, match=r"the configuration is .*\nexpected a TrainConfig\nRead one"):
            call(value, faces, tmp_path / "study")
    with pytest.raises(MoueError, match=r"the recipe is None\nexpected a path\nPass a str"):
        TrainConfig.from_recipe(None)


def test_a_teacher_is_refused(faces, tmp_path):
    with pytest.raises(MoueError, match="distill_weight = 0"):
        search(faces, tmp_path / "study", config=dataclasses.replace(CONFIG, distill_weight=0.5))


def test_without_optuna_the_message_names_the_extra(monkeypatch):
    def fail(name):
        raise ImportError(name)

    monkeypatch.setattr(backend.importlib, "import_module", fail)
    with pytest.raises(MissingExtraError, match=r'pip install "moue\[tune\]"'):
        _ = backend.optuna.Study
