"""Training on several devices: JAX divides the CPU in two, in a subprocess, because a process has only one backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.data.write import write_csv
from moue.errors import SettingError
from moue.files import read_json

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason='needs JAX: pip install "moue[jax]"')
BOTH = ["cpu:0", "cpu:1"]


def run_on_two(*words):
    settings = {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | settings)


def moue_on_two(*words):
    return run_on_two("-c", "from moue.cli import main; main()", *words)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    done = run_on_two("-m", "helpers.two_devices", folder)
    assert done.returncode == 0, done.stderr
    return folder


def history(run):
    return {
        name: [row[name] for row in read_json(run / "history.json")] for name in ("loss", "val_loss", "val_accuracy")
    }


def weights(path):
    from moue.training.backend import keras

    return keras.saving.load_model(path).get_weights()


@needs_jax
@pytest.mark.slow
def test_each_device_holds_half_a_batch_and_all_weights(runs):
    placement = read_json(runs / "where.json")
    for array in placement["batch"]:
        assert array == [[name, 9] for name in BOTH]
    for array in placement["remainder"]:
        assert array == [[name, 9] for name in BOTH]
    assert placement["weights"] == {"one": BOTH[:1], "two": BOTH}


@needs_jax
@pytest.mark.slow
def test_two_devices_train_the_same_model_as_one(runs):
    pytest.importorskip("tensorflow", reason="reads the models")
    one, two = history(runs / "one"), history(runs / "two")
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-4, err_msg=name)
    start, end = (weights(runs / "one" / name) for name in ("best.keras", "last.keras"))
    for expected, found in zip(end, weights(runs / "two" / "last.keras"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(start, end, strict=True))
    assert read_json(runs / "two" / "environment.json")["num_devices"] == 2


@needs_jax
@pytest.mark.slow
def test_a_resumed_run_on_two_devices_equals_an_uninterrupted_one(runs):
    pytest.importorskip("tensorflow", reason="reads the models")
    assert history(runs / "resumed") == history(runs / "two")
    for one, other in zip(*(weights(runs / name / "last.keras") for name in ("two", "resumed")), strict=True):
        np.testing.assert_array_equal(one, other)


@needs_jax
@pytest.mark.slow
def test_a_run_may_be_resumed_on_another_number_of_devices(runs):
    pytest.importorskip("tensorflow", reason="reads the models")
    for one, other in zip(*(weights(runs / name / "last.keras") for name in ("two", "moved")), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert [read_json(runs / name / "environment.json")["num_devices"] for name in ("resumed", "moved")] == [2, 1]


@needs_jax
@pytest.mark.slow
def test_batches_that_cannot_be_split_evenly_are_refused(tmp_path):
    data, run = tmp_path / "faces.csv", tmp_path / "run"
    write_csv(make_dataset(60), data)
    words = ("train", data, "--epochs", 1, "--out", run, "--set")
    done = moue_on_two(*words, "batch_size=18", "--devices", 3)
    assert done.returncode == 1
    assert "devices = 3, but JAX finds 2: cpu:0, cpu:1" in done.stderr
    done = moue_on_two(*words, "batch_size=17", "--devices", 2)
    assert done.returncode == 2
    assert "batch_size = 17 with devices = 2" in done.stderr
    assert "Add --set batch_size=16" in done.stderr
    assert not run.exists()


def test_a_backend_that_would_train_on_one_device_is_refused_before_the_data_is_read(moue, tmp_path):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    code, _, err = moue("train", tmp_path / "missing.csv", "--devices", 2, "--out", tmp_path / "run")
    assert code == 2
    assert "devices = 2 with Keras's backend tensorflow, which would train on one" in err
    assert "KERAS_BACKEND=jax" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("without_export")
def test_zero_devices_are_refused(tmp_path):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    from moue.training.config import TrainConfig
    from moue.training.train import train

    with pytest.raises(SettingError, match="devices = 0\nexpected at least 1"):
        train(TrainConfig(epochs=1), make_dataset(60), tmp_path / "run", devices=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_without_jax_the_error_names_the_extra(tmp_path):
    words = ("train", tmp_path / "missing.csv", "--devices", 2, "--out", tmp_path / "run")
    done = run_on_two("-c", "import sys; sys.modules['jax'] = None; from moue.cli import main; main()", *words)
    assert done.returncode == 1
    assert 'pip install "moue[jax]"' in done.stderr
