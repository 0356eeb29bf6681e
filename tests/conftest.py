"""Data that many tests share: small tables drawn here, and the real one where `MOUE_FER2013` names it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from helpers import onnx_model
from helpers.data import make_dataset
from moue.cli import main
from moue.data.load import load_fer2013

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

# The default run finds the same on every machine, however busy it is; HYPOTHESIS_PROFILE=random looks elsewhere.
_LOAD = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
_UNCONCERNED = (*_LOAD, HealthCheck.function_scoped_fixture)
settings.register_profile("same", derandomize=True, deadline=None, database=None, suppress_health_check=_UNCONCERNED)
settings.register_profile("random", deadline=None, suppress_health_check=_UNCONCERNED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

NAMED_CSV = os.environ.get("MOUE_FER2013", "")


def pytest_collection_modifyitems(items):
    """Every test of EfficientNet takes seconds, because of its many layers."""
    for item in items:
        if "efficientnet" in item.name:
            item.add_marker(pytest.mark.slow)


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
