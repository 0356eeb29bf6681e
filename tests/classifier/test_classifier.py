"""Running a model: its predictions, its names, and what is refused."""

import copy
import hashlib
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers import onnx_model
from moue.classifier import locate
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.classifier.input_spec import InputSpec
from moue.classifier.locate import identity, shipped_models
from moue.classifier.preprocess import prepare
from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.probabilities import apply_temperature
from moue.training.expression import mix_heads

SHA = "0" * 64

OUTPUTS = Path(__file__).parent / "data" / "small_outputs.npz"


def faces(count, *, side=48, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return onnx_model.save_run(tmp_path_factory.mktemp("run"), temperature=2.0)


@pytest.fixture(scope="module")
def model(run):
    return Classifier.load(run, threads=1)


@pytest.mark.parametrize("count", [1, 7, 64, 65])
def test_probabilities_equal_those_of_the_network(model, count):
    images = faces(count)
    raw = model.predict_proba(images, head="emotion", calibrated=False)
    assert raw.shape == (count, 7)
    assert raw.dtype == np.float32
    np.testing.assert_allclose(raw, onnx_model.expected_proba(images), atol=1e-5)
    np.testing.assert_allclose(raw.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_does_not_change_the_result(model, batch_size):
    images = faces(70)
    np.testing.assert_allclose(
        model.predict_proba(images, batch_size=batch_size), model.predict_proba(images, batch_size=70), atol=1e-6
    )


def test_calibrated_probabilities_are_the_scaled_raw_ones(model):
    images = faces(20)
    raw = model.predict_proba(images, head="emotion", calibrated=False)
    calibrated = model.predict_proba(images, head="emotion")
    assert calibrated.dtype == np.float32
    np.testing.assert_allclose(calibrated, apply_temperature(raw, 2.0), atol=1e-6)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, atol=1e-6)
    assert (calibrated.max(axis=1) < raw.max(axis=1)).all()
    np.testing.assert_array_equal(calibrated.argmax(axis=1), raw.argmax(axis=1))


def test_gray_and_the_same_image_in_colour_give_equal_results(model):
    gray = faces(5, side=60)
    np.testing.assert_array_equal(model.predict_proba(gray), model.predict_proba(np.repeat(gray, 3, axis=3)))
    mixed = [gray[0], np.repeat(gray[1], 3, axis=2), gray[2, :, :, 0], gray[3, :30]]
    expected = onnx_model.expected_proba(prepare(mixed))
    np.testing.assert_allclose(model.predict_proba(mixed, head="emotion", calibrated=False), expected, atol=1e-5)


@pytest.mark.parametrize("empty", [[], np.zeros((0, 48, 48, 1), np.uint8), np.zeros((0, 48, 48), np.uint8)])
def test_zero_faces(model, empty):
    assert model.predict_proba(empty).shape == (0, 7)
    assert model.predict_proba(empty).dtype == np.float32


def test_names_and_heads(model, run):
    assert model.class_names == model.classes_ == CLASS_NAMES
    assert model.heads == ("expression", "emotion")
    assert "tiny" in repr(model)
    assert model.path == run / "model.onnx"
    for call in (model.predict_proba, lambda images, head: model.run_prepared(prepare(images), head=head)):
        with pytest.raises(MoueError, match="one of expression, emotion"):
            call(faces(1), head="age")
    with pytest.raises(MoueError, match=r'always calibrated(?s:.*)head="emotion"'):
        model.predict_proba(faces(1), calibrated=False)
    with pytest.raises(MoueError, match="float32 from"):
        model.predict_proba(faces(2).astype(np.float32) / 255)
    with pytest.raises(MoueError, match="threads"):
        Classifier.load(run, threads=0)


def test_the_three_ways_to_name_a_model(run, tmp_path, monkeypatch):
    images = faces(3)
    expected = Classifier.load(run).predict_proba(images)
    for suffix in (".onnx", ".json"):
        (tmp_path / f"mine{suffix}").write_bytes((run / f"model{suffix}").read_bytes())
    monkeypatch.setattr(locate, "WEIGHTS", tmp_path)
    assert shipped_models() == ("mine",)
    for name in (str(run), run / "model.onnx", tmp_path / "mine.onnx", "mine"):
        np.testing.assert_allclose(Classifier.load(name, threads=2).predict_proba(images), expected, atol=1e-6)
    with pytest.raises(MoueError, match=r"shipped model \(mine\)"):
        Classifier.load("other")


def test_names_and_paths_are_not_confused(run, tmp_path, monkeypatch):
    """A file or folder with the name of a shipped model does not replace it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, tmp_path / "small")
    assert Classifier.load("small").spec.name == "small"
    for path in ("./small", Path("small"), tmp_path / "small", "small/model.onnx"):
        assert Classifier.load(path).spec.name == "tiny"
    monkeypatch.chdir(run)
    with pytest.raises(MoueError, match=r'Give the name as text: "small"'):
        Classifier.load(Path("small"))


def test_the_identity_of_a_model_changes_with_its_files(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    first = identity(copy)
    assert identity(copy) == first
    assert identity(run) != first
    content = (copy / "model.json").read_text(encoding="utf-8")
    (copy / "model.json").write_text(content.replace("tiny", "mine"), encoding="utf-8")
    assert identity(copy) != first


def test_predict_names_the_most_probable_class(model):
    images = faces(9)
    names = model.predict(images)
    assert names.tolist() == [CLASS_NAMES[k] for k in model.predict_proba(images).argmax(axis=1)]
    assert model.predict([]).shape == (0,)


def pickled(model):
    return pickle.loads(pickle.dumps(model))  # noqa: S301 (made here)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_classifiers_and_ensembles_can_be_copied_and_pickled(model, duplicate):
    images = faces(5)
    for original in (model, Classifier.load(threads=1), Ensemble([model, model])):
        np.testing.assert_array_equal(duplicate(original).predict_proba(images), original.predict_proba(images))


def test_a_pickled_classifier_whose_files_changed_is_refused(tmp_path):
    run = onnx_model.save_run(tmp_path / "run")
    content = pickle.dumps(Classifier.load(run))
    (run / "model.json").unlink()
    onnx_model.save_run(run, temperature=3.0)
    with pytest.raises(MoueError, match="has changed since"):
        pickle.loads(content)  # noqa: S301 (made here)


def test_one_pass_over_all_heads_equals_single_passes(tmp_path):
    model = Classifier.load(onnx_model.save_run(tmp_path, expression={"shares": {"perceived": 1.0}}))
    heads = model.predict_heads(faces(6), batch_size=4)
    assert tuple(heads) == model.heads == ("expression", "emotion", "perceived")
    for name, y_prob in heads.items():
        np.testing.assert_allclose(y_prob, model.predict_proba(faces(6), head=name), atol=1e-6)
    sizes = {"expression": (0, 7), "emotion": (0, 7), "perceived": (0, 10)}
    assert {name: y_prob.shape for name, y_prob in model.predict_heads([]).items()} == sizes


def test_the_shipped_model_predicts_as_before():
    """The heads as recorded with the file of format 1; `expression` by the formula in the description."""
    before = np.load(OUTPUTS)
    compare_outputs(before, "drawn", before["drawn_images"])


def test_the_shipped_model_predicts_real_faces_as_before(real_data):
    before = np.load(OUTPUTS)
    chosen = np.isin(real_data.rows, before["real_rows"])
    compare_outputs(before, "real", real_data.images[chosen])


def compare_outputs(before, kind, images):
    model = Classifier.load()
    raw, predictions = model.predict_heads(images, calibrated=False), model.predict_faces(images)
    for head in ("emotion", "perceived"):
        np.testing.assert_allclose(raw[head], before[f"{kind}_{head}"], atol=1e-5)
    calibrated = model.predict_proba(images, head="emotion")
    np.testing.assert_allclose(calibrated, before[f"{kind}_calibrated"], atol=1e-5)
    np.testing.assert_allclose(predictions.expression, mix_heads(raw, model.spec.expression), atol=1e-4)
    np.testing.assert_allclose(predictions.not_face, before[f"{kind}_not_face"], atol=1e-4)


def break_missing_json(run):
    (run / "model.json").unlink()


def break_missing_onnx(run):
    (run / "model.onnx").unlink()


def break_one_byte(run):
    content = bytearray((run / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "model.onnx").write_bytes(content)


def break_json(run):
    (run / "model.json").write_text('{"format": "moue-')


def break_both(run):
    (run / "model.onnx").write_bytes(b"not a network")
    change_json(run, onnx_sha256=hashlib.sha256(b"not a network").hexdigest())


def change_json(run, **changes):
    content = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps(content | changes))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_missing_json, ["model.json does not exist"]),
        (break_missing_onnx, ["model.onnx does not exist", "training still running"]),
        (break_one_byte, ["has SHA-256", "model.json says"]),
        (break_json, ["not valid JSON"]),
        (break_both, ["ONNX Runtime cannot load", "valid ONNX file"]),
    ],
)
def test_damaged_runs_are_refused(tmp_path, damage, words):
    run = onnx_model.save_run(tmp_path / "run")
    damage(run)
    with pytest.raises(MoueError) as caught:
        Classifier.load(run)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 1}, ["free batch size"]),
        ({"output": "other"}, ["no output 'emotion'", "one of other"]),
        ({"classes": 6}, ["[", "6", "one column for each class"]),
        ({"class_names": ("no", "yes")}, ["one column for each class"]),
    ],
)
def test_networks_that_differ_from_their_description_are_refused(tmp_path, options, words):
    run = onnx_model.save_run(tmp_path / "run", **options)
    with pytest.raises(MoueError) as caught:
        Classifier.load(run)
    for word in words:
        assert word in str(caught.value)


def test_another_input_size_is_used_if_described_and_else_refused(tmp_path):
    run = onnx_model.save_run(tmp_path / "run", side=32)
    assert Classifier.load(run).predict_proba(faces(2)).shape == (2, 7)
    change_json(run, input=InputSpec().to_dict())
    with pytest.raises(MoueError, match="32"):
        Classifier.load(run)


def test_a_network_without_softmax_is_refused(tmp_path):
    model = Classifier.load(onnx_model.save_run(tmp_path / "run", softmax=False))
    with pytest.raises(MoueError, match="gives no probabilities"):
        model.predict_proba(faces(2), head="emotion")


@pytest.mark.parametrize("name", ["happy_net", "no/such/run", "missing.onnx", ""])
def test_unknown_models_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MoueError, match=r"no model|does not exist"):
        Classifier.load(name)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "best.keras").write_bytes(b"zip")
    with pytest.raises(MoueError, match="not an ONNX, LiteRT or OpenVINO file"):
        Classifier.load(tmp_path / "best.keras")
