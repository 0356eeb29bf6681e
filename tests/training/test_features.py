"""Finding the last feature map of an exported model."""

from __future__ import annotations

import pytest

from helpers.onnx_model import save_run
from moue.classifier.locate import WEIGHTS, shipped_models
from moue.classifier.spec import ModelSpec
from moue.training.features import find_features

pytest.importorskip("onnx")


@pytest.mark.parametrize("name", shipped_models())
def test_descriptions_of_shipped_models_hold_the_features_that_are_found(name):
    spec = ModelSpec.load(WEIGHTS / f"{name}.json")
    assert find_features(WEIGHTS / f"{name}.onnx", spec.heads) == spec.features
    assert spec.features is not None


def test_a_network_without_an_average_has_no_features(tmp_path):
    run = save_run(tmp_path / "run")
    assert find_features(run / "model.onnx", ModelSpec.load(run / "model.json").heads) is None
