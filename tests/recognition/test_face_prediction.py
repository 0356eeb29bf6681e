"""The prediction for a face: the mean over its views, and boxes that are dropped as not a face."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import onnx_model
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.faces import Face, make_detector
from moue.labels import CLASS_NAMES
from moue.recognition.analyze import analyze
from moue.recognition.analyzer import Analyzer
from moue.recognition.face_prediction import predict_each_face

FACES = np.random.default_rng(5).integers(0, 256, (6, 48, 48), np.uint8)


def load(folder, **expression):
    return Classifier.load(onnx_model.save_run(folder, expression=expression), threads=1)


def test_a_face_with_one_view_gets_the_prediction_of_the_model(tmp_path):
    model = load(tmp_path, shares={"perceived": 1.0}, temperature=0.5)
    predictions = predict_each_face(model, [[face] for face in FACES])
    assert [list(prediction.probabilities) for prediction in predictions] == [list(CLASS_NAMES)] * len(FACES)
    found = [list(prediction.probabilities.values()) for prediction in predictions]
    np.testing.assert_allclose(found, model.predict_proba(FACES), atol=1e-6)


def test_views_of_a_face_are_averaged(tmp_path):
    model = load(tmp_path, shares={"emotion": 0.5, "perceived": 0.5}, not_face_above=0.9)
    single = predict_each_face(model, [[face] for face in FACES[:3]])
    (joined,) = predict_each_face(model, [FACES[:3]])
    for name in CLASS_NAMES:
        assert joined.probabilities[name] == pytest.approx(np.mean([one.probabilities[name] for one in single]))
    assert joined.not_face == pytest.approx(np.mean([one.not_face for one in single]))
    assert 0 < joined.not_face < 1
    assert predict_each_face(model, []) == []


class OneFace:
    name = "one"

    def detect(self, image):
        return [Face(0, 0, image.shape[1], image.shape[0])]


@pytest.mark.parametrize(("most", "num_faces"), [(1.0, 1), (0.0, 0)])
def test_a_detected_box_that_is_not_a_face_is_dropped(tmp_path, most, num_faces):
    image = np.random.default_rng(1).integers(0, 256, (90, 90), np.uint8)
    model = load(tmp_path, not_face_above=most)
    result = Analyzer(model, OneFace()).analyze(image)
    assert (len(result.faces), result.status) == (num_faces, "ok" if num_faces else "no_face")
    # The caller's own boxes, and images that are themselves the face, are never dropped.
    assert len(Analyzer(model, OneFace()).analyze(image, boxes=[(1, 1, 80, 80)]).faces) == 1
    assert len(Analyzer(model, make_detector("none")).analyze(image).faces) == 1


def test_predict_proba_and_analyze_agree_on_the_same_face():
    model = Classifier.load()
    for face, expected in zip(FACES, model.predict_proba(FACES), strict=True):
        found = analyze(face, model=model, detector="none").faces[0].probabilities
        np.testing.assert_allclose(list(found.values()), expected, atol=1e-6)


def test_an_ensemble_analyzes(tmp_path):
    """Its members may have smaller inputs, and may not predict `not_face`."""
    members = [
        load(tmp_path / "two", not_face_above=0.8),
        Classifier.load(onnx_model.save_run(tmp_path / "one", side=24)),
    ]
    ensemble = Ensemble(members)
    assert (ensemble.input.height, ensemble.not_face_above) == (48, 0.8)
    result = analyze(FACES[0], model=ensemble, detector="none")
    expected = np.mean([member.predict_proba(FACES[:1])[0] for member in members], axis=0)
    np.testing.assert_allclose(list(result.faces[0].probabilities.values()), expected, atol=1e-6)
    np.testing.assert_allclose(ensemble.predict_faces(FACES).not_face, members[0].predict_faces(FACES).not_face)


def test_a_model_retrained_into_the_same_folder_is_reloaded(tmp_path):
    run = onnx_model.save_run(tmp_path / "run")
    first = analyze(FACES[0], model=run, detector="none").faces[0].probabilities
    assert analyze(FACES[0], model=run, detector="none").faces[0].probabilities == first
    (run / "model.json").unlink()
    onnx_model.save_run(run, temperature=5.0)
    again = analyze(FACES[0], model=run, detector="none").faces[0].probabilities
    assert again == Analyzer.load(run, "none").analyze(FACES[0]).faces[0].probabilities
    assert again != first
