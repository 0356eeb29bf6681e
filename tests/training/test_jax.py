"""Training on JAX, if it is installed, in a separate process, since a process has one backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from helpers.data import make_dataset
from moue.data.write import write_csv
from moue.files import read_json

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason='needs JAX: pip install "moue[jax]"'),
    pytest.mark.slow,
]


def moue(backend, *words):
    command = [sys.executable, "-c", "from moue.cli import main; main()", *map(str, words)]
    environment = os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_averaged_weights_are_trained_saved_and_resumed(tmp_path):
    data, run = tmp_path / "faces.csv", tmp_path / "run"
    write_csv(make_dataset(60), data)
    choices = ["ferplus_weight=0", "warmup_epochs=0", "ema=0.9", "batch_size=18"]
    choices.append("model_options={widths = [8, 12], depths = [1, 1]}")
    words = ("train", data, "--recipe", "small", "--epochs", 2, *(word for one in choices for word in ("--set", one)))
    done = moue("jax", *words, "--out", run)
    assert done.returncode == 0, done.stderr
    assert f"KERAS_BACKEND=tensorflow moue export {run} {data}" in done.stderr
    assert {path.name for path in run.iterdir()} >= {"best.keras", "last.keras", "history.json", "curves.png"}
    assert [row["epoch"] for row in read_json(run / "history.json")] == [1, 2]
    assert moue("jax", *words, "--out", run, "--resume").returncode == 0
    if importlib.util.find_spec("tensorflow"):
        done = moue("tensorflow", "export", run, data)
        assert done.returncode == 0, done.stderr
        assert (run / "model.onnx").exists()
