"""Data that many tests share: small tables drawn here, and the real one where `MOUE_FER2013` names it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import onnx_model
from moue.cli import main
from moue.data.dataset import SPLIT_DTYPE, Dataset
from moue.data.fer2013 import load_fer2013

NAMED_CSV = os.environ.get("MOUE_FER2013", "")

# Options by network: the same layers in a size that converts and runs within a second or two.
NARROW = {
    "resnet": {"widths": [8, 16, 24, 32]},
    "resnet_base": {"widths": [16, 16, 24, 32]},
    "vgg": {"widths": [8, 16, 24, 32]},
    "efficientnet": {"enlarge": 1},
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def real_csv() -> Path:
    if not NAMED_CSV:
        pytest.skip("set MOUE_FER2013 to the path of fer2013.csv to run this test")
    return Path(NAMED_CSV)


@pytest.fixture(scope="session")
def real_data(real_csv) -> Dataset:
    return load_fer2013(real_csv, use_cache=False)


def make_dataset(num: int = 30, seed: int = 0, **changes) -> Dataset:
    """Return random faces: six tenths to train, two each to val and test."""
    rng = np.random.default_rng(seed)
    splits = np.array((["train"] * 6 + ["val"] * 2 + ["test"] * 2) * (num // 10 + 1), SPLIT_DTYPE)[:num]
    fields = {
        "images": rng.integers(0, 256, (num, 48, 48, 1), np.uint8),
        "labels": (np.arange(num) % 7).astype(np.uint8),
        "split": splits,
        "rows": np.arange(num, dtype=np.int64),
        "source": "random",
    }
    return Dataset(**(fields | changes))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """A run folder with a small network that was never trained."""
    return onnx_model.save_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def moue(monkeypatch, capsys):
    """Run a command in this process; returns exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["moue", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
