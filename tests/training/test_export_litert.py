"""LiteRT files: made from a shipped network, compared with it, and run in its place."""

import json
import pickle
import shutil

import numpy as np
import pytest

from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.data.synthetic.dataset import synthesize
from moue.errors import MissingExtraError, MoueError

pytest.importorskip("ai_edge_litert")
pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faces():
    return synthesize(10).images


@pytest.fixture(scope="module")
def exported(tmp_path_factory, faces):
    from moue.training.export_litert import export_litert

    path = tmp_path_factory.mktemp("litert") / "mine.tflite"
    return export_litert("small", path, faces, half=True)


def test_it_gives_the_answers_of_the_onnx_file(exported, faces):
    found, expected = Classifier.load(exported.path), Classifier.load("small")
    assert exported.outputs == ("emotion", "perceived", "expression", "not_face")
    assert 0 < exported.max_difference < 1e-2
    assert found.class_names == expected.class_names
    for head, y_prob in expected.predict_heads(faces).items():
        np.testing.assert_allclose(found.predict_heads(faces)[head], y_prob, atol=1e-2)
    for size in (1, 3):  # the interpreter changes its size to and fro
        np.testing.assert_allclose(
            found.answer(faces[:size]).not_face, expected.answer(faces[:size]).not_face, atol=1e-2
        )


def test_its_weights_take_16_bits(exported):
    assert exported.path.stat().st_size < 1_300_000
    about = json.loads((exported.path.parent / "mine.tflite.json").read_text())["litert"]
    assert (about["weights"], about["sha256"]) == ("fp16", exported.sha256)


def test_it_works_as_any_other_network_does(exported, faces):
    model = Classifier.load(exported.path, threads=1, device="auto")
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 (it was made here)
    np.testing.assert_array_equal(again.predict_proba(faces[:2]), model.predict_proba(faces[:2]))
    both = Ensemble.load(["small", exported.path])
    assert both.predict(faces[:2]).shape == (2,)
    assert model.fingerprint != Classifier.load("small").fingerprint


def test_a_changed_file_and_another_device_are_refused(exported, tmp_path):
    for name in ("mine.tflite", "mine.tflite.json"):
        shutil.copy(exported.path.parent / name, tmp_path)
    changed = tmp_path / "mine.tflite"
    with pytest.raises(MoueError, match="a LiteRT file"):
        Classifier.load(changed, device="cuda")
    changed.write_bytes(changed.read_bytes()[:-1])
    with pytest.raises(MoueError, match="SHA-256"):
        Classifier.load(changed)


def test_without_the_runtime_the_extra_is_named(exported, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"moue\[litert\]"):
        Classifier.load(exported.path)


def test_what_exists_stays_and_what_differs_is_not_kept(exported, faces, tmp_path, monkeypatch):
    from moue.training import export_litert as room

    with pytest.raises(MoueError, match="exists already"):
        room.export_litert("small", exported.path, faces)
    monkeypatch.setattr(room, "MAX_DIFFERENCE_HALF", 1e-9)
    with pytest.raises(MoueError, match="differs"):
        room.export_litert("small", tmp_path / "new.tflite", faces, half=True)
    assert not list(tmp_path.iterdir())


def test_wrong_choices_are_usage_errors(moue, tmp_path):
    assert moue("export", "small", "--format", "litert", "--also", tmp_path)[0] == 2
    assert moue("export", tmp_path)[0] == 2
    assert moue("export", tmp_path, tmp_path, "--out", tmp_path / "x.tflite")[0] == 2
