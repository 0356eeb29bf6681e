"""Fixtures that many tests share: small drawn tables, and the real data if `MOUE_FER2013` names it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from helpers import onnx_model
from helpers.data import make_dataset
from helpers.video_files import BrightSquares, two_squares
from moue.classifier.classifier import Classifier
from moue.cli import main
from moue.data.load import load_fer2013
from moue.recognition.analyzer import Analyzer

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

# By default, examples are the same on every machine, however busy it is; HYPOTHESIS_PROFILE=random draws others.
_SPEED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
_SUPPRESSED = (*_SPEED, HealthCheck.function_scoped_fixture)
settings.register_profile("same", derandomize=True, deadline=None, database=None, suppress_health_check=_SUPPRESSED)
settings.register_profile("random", deadline=None, suppress_health_check=_SUPPRESSED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

NAMED_CSV = os.environ.get("MOUE_FER2013", "")


def pytest_collection_modifyitems(items):
    """Mark the tests of EfficientNet as slow: its many layers take seconds."""
    for item in items:
        if "efficientnet" in item.name:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Keep the tests away from the user's cache."""
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def real_csv() -> Path:
    if not NAMED_CSV:
        pytest.skip("set MOUE_FER2013 to the path of fer2013.csv to run this test")
    return Path(NAMED_CSV)


@pytest.fixture(scope="session")
def real_data(real_csv) -> Dataset:
    return load_fer2013(real_csv, use_cache=False)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """A run folder with a small network that was never trained."""
    return onnx_model.save_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def tiny_model(run_folder) -> Classifier:
    """The network in `run_folder`."""
    return Classifier.load(run_folder, threads=1)


@pytest.fixture(scope="module")
def squares_analyzer(tiny_model) -> Analyzer:
    """An analyzer that detects the faces of `squares_video`."""
    return Analyzer(tiny_model, BrightSquares())


@pytest.fixture(scope="module")
def squares_video(tmp_path_factory) -> Path:
    """A video of 20 frames in which two people appear, as bright squares."""
    return two_squares(tmp_path_factory.mktemp("video") / "video.mp4")


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
        except SystemExit as error:
            code = error.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
