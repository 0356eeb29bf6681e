"""Damaged run folders are refused with the file's name."""

from __future__ import annotations

import json

import pytest

from helpers.data import make_dataset
from moue.errors import MoueError
from moue.training.config import TrainConfig
from moue.training.resume import open_run
from moue.training.run_folder import RunFolder, describe_environment

CONFIG = TrainConfig(epochs=3, initial_weights="runs/before")
ROW = dict.fromkeys(("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"), 1.0)
FIRST = {"initial_weights": {"sha256": "a" * 64, "command": ""}}


@pytest.fixture
def environment():
    return describe_environment(make_dataset(30, seed=0)) | FIRST


@pytest.fixture
def run(tmp_path, environment):
    folder = RunFolder(tmp_path / "run")
    folder.create(CONFIG, environment, None)
    folder.write_history([ROW, ROW | {"epoch": 2}])
    return folder


def test_an_intact_run_is_resumed(run, environment):
    assert [row["epoch"] for row in open_run(run, CONFIG, environment)] == [1, 2]


@pytest.mark.parametrize(
    "history",
    [
        {"epoch": 1}, [1], [ROW, ROW], [{"epoch": 1}], [ROW | {"val_loss": "low"}], [ROW | {"val_accuracy": None}],
        [ROW | {"loss": 10**400}], [[ROW]],
    ],
)  # fmt: skip
def test_a_damaged_history_is_refused(run, environment, history):
    run.history.write_text(json.dumps(history))
    with pytest.raises(MoueError, match=r"history\.json is damaged"):
        open_run(run, CONFIG, environment)


@pytest.mark.parametrize("content", [[], {}, {"command": "x", "versions": {}, "data": []}, {"data": {"checksum": "x"}}])
def test_a_damaged_environment_is_refused(run, environment, content):
    run.environment.write_text(json.dumps(content))
    with pytest.raises(MoueError, match=r"environment\.json is damaged"):
        open_run(run, CONFIG, environment)


@pytest.mark.parametrize("data", [{}, {"checksum": None}, {"checksum": 7}])
def test_data_without_a_checksum_is_other_data(run, environment, data):
    run.environment.write_text(json.dumps(environment | {"data": data}))
    with pytest.raises(MoueError, match="the data: checksum"):
        open_run(run, CONFIG, environment)


@pytest.mark.parametrize("weights", [None, 7, {}, "x", {"sha256": 3}])
def test_initial_weights_without_their_checksum_are_refused(run, environment, weights):
    run.environment.write_text(json.dumps(environment | {"initial_weights": weights}))
    with pytest.raises(MoueError, match="the initial weights: checksum aaaa"):
        open_run(run, CONFIG, environment)


@pytest.mark.parametrize("config", [7, [], None, "seed_cnn"])
def test_a_configuration_that_is_not_a_table_is_refused(run, environment, config):
    run.config.write_text(json.dumps(config))
    with pytest.raises(MoueError, match=r"config\.json: the settings are a"):
        open_run(run, CONFIG, environment)
