"""Explanations: class maps add up to the prediction, occlusion finds the region that counts, and both are drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import moue as package
from helpers.onnx_model import expected_proba, save_run, weights
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.classifier.features import FeatureSpec, with_outputs
from moue.classifier.maps import CLASS_MAP, OCCLUSION, class_evidence, face_maps, occlusion_map
from moue.classifier.spec import ModelSpec
from moue.doctor.drawn import drawn_faces
from moue.drawing.evidence import color_face, colors_of
from moue.errors import MoueError, SettingError
from moue.recognition.explain import explain


@pytest.fixture(scope="module")
def network():
    return Classifier.load(threads=1)


@pytest.fixture(scope="module")
def faces():
    return list(drawn_faces().gray)


@pytest.fixture(scope="module")
def photo():
    canvas = np.full((240, 460, 3), 128, np.uint8)
    color = drawn_faces().color
    canvas[24:216, 24:216], canvas[24:216, 244:436] = color[6], color[10]
    return canvas


def test_cells_and_a_constant_of_the_class_add_up_to_the_logits(network, faces):
    places, y_prob = class_evidence(network, faces)
    assert places.shape == (14, 6, 6, 7)
    how = network.spec.expression
    constant = np.log(y_prob.astype(float)) - places.sum(axis=(1, 2))
    constant -= constant.mean(axis=1, keepdims=True)  # softmax ignores what all classes share
    assert np.abs(constant - constant[0]).max() < 1e-4
    # It follows from the file and its description: the bias, plus the heads' biases mapped by the weights.
    onnx = pytest.importorskip("onnx")
    tensors = {tensor.name: tensor for tensor in onnx.load(network.path).graph.initializer}
    expected = np.array(how.bias)
    for name, rows in how.weights.items():
        expected += np.array(rows) @ onnx.numpy_helper.to_array(tensors[network.spec.features.layers[name][1]])
    assert constant[0] == pytest.approx(expected - expected.mean(), abs=1e-4)


def test_a_class_map_and_its_constant_add_up_to_the_log_odds(network, faces):
    y_prob = network.predict_faces(faces).expression.astype(float)
    for found, probabilities in zip(face_maps(network, faces), y_prob, strict=True):
        assert found.shift == pytest.approx(2 / 48)
        own = int(probabilities.argmax())
        odds = np.log(probabilities[own] / (1 - probabilities[own]))
        assert found.method == CLASS_MAP
        assert found.emotion == network.class_names[own]
        assert found.log_odds == pytest.approx(odds, abs=1e-2)
        assert found.evidence.sum() + found.constant == pytest.approx(found.log_odds, abs=1e-4)


def test_the_map_predicts_what_a_change_of_the_features_does(network, faces):
    """Between two faces, the sums of the maps change like the logits, for every pair of classes."""
    places, y_prob = class_evidence(network, faces)
    logits = np.log(y_prob.astype(float))
    moved = places.sum(axis=(1, 2))
    for one, other in ((0, 5), (3, 9)):
        expected = (logits[one] - logits[one, 0]) - (logits[other] - logits[other, 0])
        found = (moved[one] - moved[one, 0]) - (moved[other] - moved[other, 0])
        assert np.abs(found - expected).max() < 1e-4


def test_the_shipped_network_names_its_features():
    features = Classifier.load(threads=1).spec.features
    # 48 pixels, halved three times: convolutions alone would shift by 3.5 of 8 pixels, the shortcuts by fewer.
    assert (features.layout, features.shift, sorted(features.layers)) == ("NCHW", 0.25, ["emotion", "perceived"])
    assert FeatureSpec.from_dict(json.loads(json.dumps(features.to_dict()))) == features


def test_more_outputs_do_not_change_the_predictions(network, faces):
    import onnxruntime

    content = network.path.read_bytes()
    session = onnxruntime.InferenceSession(with_outputs(content, [network.spec.features.output]))
    batch = np.stack(faces)[..., None].astype(np.float32)
    assert np.array_equal(session.run(["expression"], {"images": batch})[0], network.run_prepared(batch))


def test_wrong_features_are_refused(network, tmp_path, faces):
    content = network.spec.to_dict()
    content["features"]["layers"]["emotion"], content["features"]["layers"]["perceived"] = (
        content["features"]["layers"]["perceived"],
        content["features"]["layers"]["emotion"],
    )
    (tmp_path / "mine.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "mine.onnx").write_bytes(network.path.read_bytes())
    with pytest.raises(MoueError):
        face_maps(Classifier.load(tmp_path / "mine.onnx"), faces[:1])
    for broken in (
        {"output": "x"},
        {**content["features"], "layout": "HWC"},
        {**content["features"], "layers": {"a": 1}},
    ):
        with pytest.raises(MoueError):
            ModelSpec.from_dict({**content, "features": broken})


def test_a_linear_network_is_explained_by_occlusion(tmp_path):
    network = Classifier.load(save_run(tmp_path / "run"))
    face = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    with pytest.raises(MoueError, match="does not support class maps"):
        face_maps(network, [face], method=CLASS_MAP)
    (found,) = face_maps(network, [face], ["sad"])
    assert (found.method, found.evidence.shape) == (OCCLUSION, (8, 8))
    # One cell, computed by hand: the mean over the four squares that cover it.
    expected, own = [], network.class_names.index("sad")
    odds = [np.log(p / (1 - p)) for p in expected_proba(face[None])[:, own]]
    for top, left in ((12, 12), (12, 18), (18, 12), (18, 18)):
        covered = face.copy()
        covered[top : top + 12, left : left + 12] = round(face.mean())
        probability = expected_proba(covered[None])[0, own]
        expected.append(odds[0] - np.log(probability / (1 - probability)))
    assert found.evidence[3, 3] == pytest.approx(np.mean(expected), abs=1e-3)
    assert weights()[0].shape == (2304, 7)


def test_an_ensemble_is_explained_by_occlusion(network, faces):
    found = occlusion_map(Ensemble([network]), faces[6], "happy")
    assert found.evidence.max() > 3 * abs(found.evidence.min())


def test_explain_photo(photo, tmp_path):
    result = package.analyze(photo, detector="own")
    found = result.explain()
    assert [face.emotion for face in found.faces] == [face.emotion for face in result.faces]
    assert len(found.faces) == 2
    assert found.plot().width == 4 * 240 + 2 * 6 + 2 * 12 * 2
    assert found.plot(size=48).size < found.plot().size
    content = json.loads(found.to_json())
    assert np.shape(content["faces"][0]["evidence"]) == (6, 6)
    assert found.save(tmp_path / "why.png").stat().st_size > 10_000
    with pytest.raises(MoueError, match="already exists"):
        found.save(tmp_path / "why.png")
    with pytest.raises(MoueError, match="48 to 1000"):
        found.plot(size=20)


def test_another_class_is_explained_on_request(faces):
    (own,), (other,) = (explain(faces[6], detector="none", emotion=name).faces for name in ("", "Sadness"))
    assert own.emotion == "happy"
    assert other.emotion == "sad"
    assert other.log_odds < 0 < own.log_odds
    assert other.title == "sad <1%"
    assert other.subtitle.startswith("rather than happy 1")


def test_what_cannot_be_explained(faces):
    with pytest.raises(SettingError, match="unknown class 'joyful'\nexpected one of angry"):
        explain("none.png", detector="none", emotion="joyful")  # before the image is looked for
    with pytest.raises(SettingError, match="the method is"):
        explain(faces[0], detector="none", method="gradient")
    with pytest.raises(MoueError, match="no face"):
        explain(np.full((200, 200), 90, np.uint8))


def test_colors_keep_the_lightness_of_the_face():
    lightness = np.linspace(0.3, 0.85, 12)
    gray, warm, cold = (colors_of(lightness, np.full(12, share)).astype(float) for share in (0.0, 1.0, -1.0))
    assert np.ptp(gray, axis=1).max() <= 1
    assert (warm[:, 0] > warm[:, 2] + 40).all()
    assert (cold[:, 2] > cold[:, 0] + 40).all()
    luma = np.array([0.2126, 0.7152, 0.0722])
    linear = [((values / 255) ** 2.2) @ luma for values in (gray, warm, cold)]
    # OKLab's lightness is not luminance, but near it.
    assert np.abs(np.cbrt(linear[1]) - np.cbrt(linear[0])).max() < 0.1
    assert np.abs(np.cbrt(linear[2]) - np.cbrt(linear[0])).max() < 0.1


def test_evidence_is_drawn_where_it_is():
    evidence = np.zeros((6, 6), np.float32)
    evidence[4, 1] = 1
    face = np.full((96, 96), 128, np.uint8)
    warm = np.asarray(color_face(face, evidence, 1.0, outline=False)).astype(int)
    row, column = np.unravel_index((warm[..., 0] - warm[..., 2]).argmax(), face.shape)
    assert (abs(row - 72), abs(column - 24)) <= (1, 1)
    moved = np.asarray(color_face(face, evidence, 1.0, shift=1 / 24, outline=False)).astype(int)
    row, column = np.unravel_index((moved[..., 0] - moved[..., 2]).argmax(), face.shape)
    assert (abs(row - 76), abs(column - 28)) <= (1, 1)


def test_the_command(moue, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo).save("two.png")
    code, out, err = moue("explain", "two.png", "--detector", "own")
    assert (code, len(out.splitlines()), "wrote two-why.png" in err) == (0, 2, True)
    assert Image.open("two-why.png").width > 900
    code, _, err = moue("explain", "two.png")
    assert (code, "already exists" in err) == (1, True)
    code, out, _ = moue("explain", "two.png", "--detector", "own", "--json")
    assert (code, len(json.loads(out)["faces"])) == (0, 2)
