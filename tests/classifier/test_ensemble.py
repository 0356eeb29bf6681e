"""Ensembles: averaged, checked against each other, and scored with their names."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers.data import make_dataset
from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.data.write import write_csv
from moue.errors import MoueError
from moue.evaluation.evaluation import Evaluation
from moue.labels import CLASS_NAMES


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three models: an overconfident one, a calibrated one, and one with a smaller input."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        save_run(folder / "one", temperature=3.0),
        save_run(folder / "two"),
        save_run(folder / "small", side=24),
    ]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    write_csv(make_dataset(60), path)
    return path


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 1), np.uint8)


@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_prediction_is_the_mean(runs, calibrated, count):
    ensemble, images = Ensemble.load(runs, threads=1), noise(count)
    y_prob = ensemble.predict_proba(images, head="emotion", calibrated=calibrated, batch_size=2)
    assert (y_prob.shape, y_prob.dtype) == ((count, 7), np.float32)
    singles = [Classifier.load(run).predict_proba(images, head="emotion", calibrated=calibrated) for run in runs]
    np.testing.assert_allclose(y_prob, np.mean(singles, axis=0), atol=1e-6)
    np.testing.assert_allclose(y_prob.sum(axis=1), 1, atol=1e-6)
    assert ensemble.class_names == CLASS_NAMES


def test_a_single_member_predicts_the_same_as_alone(runs):
    images = noise(3)
    np.testing.assert_array_equal(
        Ensemble.load(runs[:1]).predict_proba(images), Classifier.load(runs[0]).predict_proba(images)
    )


def test_models_that_do_not_fit_together_are_refused(runs, tmp_path):
    with pytest.raises(MoueError, match="without models"):
        Ensemble([])
    other = save_run(tmp_path / "other", class_names=CLASS_NAMES[::-1])
    with pytest.raises(MoueError, match=r"head 'expression' of .*other(?s:.*)Leave out one"):
        Ensemble.load([runs[0], other])
    with pytest.raises(MoueError, match="not every model has a head 'perceived'"):
        Ensemble.load(runs).predict_proba(noise(1), head="perceived")


@pytest.mark.parametrize("views", ["single", "flip"])
def test_an_evaluation_of_several_models_names_them(moue, runs, table, tmp_path, views):
    out = tmp_path / "together"
    words = ("evaluate", *runs, table, "--split", "val", "--views", views)
    code, _, err = moue(*words)
    assert (code, "add --out FOLDER" in err) == (0, True)
    code, printed, err = moue(*words, "--out", out)
    assert code == 0, err
    assert f"({views}), 3 models" in printed
    assert all(str(run) in err for run in runs)
    result = Evaluation.load(out)
    assert (result.members, result.views) == (tuple(map(str, runs)), views)
    assert json.loads((out / "evaluation.json").read_text())["members"] == [str(run) for run in runs]
    assert (moue(*words, "--out", out)[0], moue(*words, "--out", out, "--overwrite")[0]) == (1, 0)


def test_each_evaluation_of_a_run_has_its_own_folder(moue, runs, table):
    names = {"single": "val", "flip": "val-flip", "ten_crop": "val-ten_crop"}
    for views in names:
        code, _, err = moue("evaluate", runs[0], table, "--split", "val", "--views", views)
        assert code == 0, err
    assert {path.name for path in (runs[0] / "evaluation").iterdir()} == set(names.values())
    code, _, err = moue("evaluate", runs[0] / "model.onnx", table)
    assert (code, "add --out FOLDER" in err) == (0, True)
