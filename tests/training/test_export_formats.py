"""LiteRT, OpenVINO, SavedModel and 8-bit ONNX files: exported, compared with the ONNX file, and used in its place."""

import json
import pickle
import shutil

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.classifier.maps import face_maps
from moue.data.synthetic.dataset import synthesize
from moue.errors import MissingExtraError, MoueError, SettingError

pytest.importorskip("ai_edge_litert")
pytest.importorskip("openvino")
pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow

FILES = {
    ("litert", "fp32"): "a.tflite",
    ("litert", "fp16"): "b.tflite",
    ("litert", "int8"): "c.tflite",
    ("openvino", "fp32"): "a.xml",
    ("openvino", "fp16"): "b.xml",
    ("openvino", "int8"): "c.xml",
    ("onnx", "int8"): "c.onnx",
}
TOLERANCE = {"fp32": 1e-5, "fp16": 1e-2, "int8": 0.15}


@pytest.fixture(scope="module")
def faces():
    return synthesize(40)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, faces):
    from moue.training.export_formats import export_network

    folder = tmp_path_factory.mktemp("exported")
    return {
        key: export_network("small", folder / name, faces, weights=key[1], allow_loss=key[1] == "int8")
        for key, name in FILES.items()
    }


@pytest.mark.parametrize("key", FILES)
def test_each_file_gives_the_outputs_of_the_onnx_file(key, exported, faces):
    result, images = exported[key], faces.images[:70]
    found, expected = Classifier.load(result.path), Classifier.load("small")
    assert set(result.outputs) == {"emotion", "perceived", "expression", "not_face"}
    assert result.max_difference <= TOLERANCE[key[1]]
    assert found.class_names == expected.class_names
    for head, y_prob in expected.predict_heads(images).items():
        np.testing.assert_allclose(found.predict_heads(images)[head], y_prob, atol=TOLERANCE[key[1]])
    for size in (1, 3):  # the runtime resizes its buffers each time
        np.testing.assert_allclose(
            found.predict_faces(images[:size]).not_face,
            expected.predict_faces(images[:size]).not_face,
            atol=TOLERANCE[key[1]],
        )
    described = json.loads(next(result.path.parent.glob(f"{FILES[key].removesuffix('.onnx')}.json")).read_text())
    assert (described[key[0]]["weights"], described[key[0]]["sha256"]) == (key[1], result.sha256)


@pytest.mark.parametrize("key", FILES)
def test_each_file_works_like_any_other_model(key, exported, faces):
    path, images = exported[key].path, faces.images[:2]
    model = Classifier.load(path, threads=1, device="auto")
    unpickled = pickle.loads(pickle.dumps(model))  # noqa: S301 (it was made here)
    np.testing.assert_array_equal(unpickled.predict_proba(images), model.predict_proba(images))
    assert Ensemble.load(["small", path]).predict(images).shape == (2,)
    assert face_maps(model, list(images))[0].method == ("class map" if key[0] == "onnx" else "occlusion")


def test_all_fingerprints_are_different(exported):
    fingerprints = {Classifier.load(result.path).fingerprint for result in exported.values()}
    assert len({*fingerprints, Classifier.load("small").fingerprint}) == len(FILES) + 1


def test_fewer_bits_make_smaller_files(exported):
    def size(form, weights):
        path = exported[form, weights].path
        return path.with_suffix(".bin").stat().st_size if form == "openvino" else path.stat().st_size

    assert size("litert", "fp16") < 0.6 * size("litert", "fp32")
    assert size("litert", "int8") < 0.3 * size("litert", "fp32")
    assert size("openvino", "int8") < 0.6 * size("openvino", "fp32")  # fp32 keeps the ONNX file's 16 bits
    assert size("onnx", "int8") < 0.6 * Classifier.load("small").path.stat().st_size


def test_accuracy_is_measured_before_and_after(exported, faces):
    labels, images = faces.subset("val").labels, faces.subset("val").images
    for result in exported.values():
        models = (Classifier.load("small"), Classifier.load(result.path))
        predicted = [model.predict_proba(images, head="emotion").argmax(axis=1) for model in models]
        assert result.accuracy["emotion"] == pytest.approx([(rows == labels).mean() for rows in predicted])
        assert set(result.accuracy) == {"emotion", "expression"}
    scores = Classifier.load(exported["onnx", "int8"].path).spec.scores
    assert scores["val"]["accuracy"] == exported["onnx", "int8"].accuracy["emotion"][1]


def test_8_bits_that_lose_too_much_accuracy_are_refused(faces, tmp_path, monkeypatch):
    from moue.training import export_formats

    monkeypatch.setattr(export_formats, "MAX_LOSS", -2.0)
    with pytest.raises(MoueError, match="allow-loss"):
        export_formats.export_network("small", tmp_path / "new.onnx", faces, weights="int8")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.tflite", "a.xml"])
def test_a_modified_file_and_another_device_are_refused(name, exported, tmp_path):
    folder = exported["litert", "fp32"].path.parent
    for file in folder.glob("a.*"):
        shutil.copy(file, tmp_path)
    with pytest.raises(MoueError, match=r"with an? (LiteRT|OpenVINO) file"):
        Classifier.load(tmp_path / name, device="cuda")
    for changed in {tmp_path / name, (tmp_path / name).with_suffix(".bin" if name == "a.xml" else ".tflite")}:
        content = changed.read_bytes()
        changed.write_bytes(content[:-1])
        with pytest.raises(MoueError, match="SHA-256"):
            Classifier.load(tmp_path / name)
        changed.write_bytes(content)


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [("ai_edge_litert.interpreter", "a.tflite", "litert"), ("openvino", "a.xml", "openvino")],
)
def test_without_the_runtime_the_error_names_the_extra(module, name, extra, exported, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"moue\[{extra}\]"):
        Classifier.load(exported["litert", "fp32"].path.with_name(name))


def test_existing_files_stay_and_files_that_differ_are_not_kept(exported, tmp_path, monkeypatch):
    from moue.training import export_formats

    for (_, weights), result in exported.items():
        with pytest.raises(MoueError, match="already exists"):
            export_formats.export_network("small", result.path, synthesize(3), weights=weights)
    monkeypatch.setattr(export_formats, "MAX_DIFFERENCE_HALF", 1e-9)
    for name in ("new.tflite", "new.xml"):
        with pytest.raises(MoueError, match="differs"):
            export_formats.export_network("small", tmp_path / name, weights="fp16")
    assert not list(tmp_path.iterdir())


def test_a_saved_model_runs_in_plain_tensorflow(tmp_path, faces):
    import tensorflow as tf

    from moue.training.export_formats import export_network

    path = tmp_path / "mine"
    result = export_network("small", path, faces)
    assert result.max_difference <= 1e-5
    predict = tf.saved_model.load(str(path)).signatures["serving_default"]
    outputs = predict(images=tf.constant(faces.images[:3].astype(np.float32)))
    expected = Classifier.load("small").predict_heads(faces.images[:3], calibrated=False)
    for head, y_prob in expected.items():
        np.testing.assert_allclose(outputs[head].numpy(), y_prob, atol=1e-5)
    assert json.loads((path / "moue.json").read_text())["saved_model"]["weights"] == "fp32"
    export_network("small", path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").touch()
    with pytest.raises(MoueError, match="is not a SavedModel"):
        export_network("small", other, overwrite=True)
    assert [file.name for file in other.iterdir()] == ["notes.txt"]


def test_a_run_with_one_head_exports_to_every_format(tmp_path):
    from moue.training.config import TrainConfig
    from moue.training.export_formats import export_network
    from moue.training.train import train

    faces = make_dataset(40, seed=1)
    tiny = TrainConfig(model="small", model_options={"widths": [8, 12], "depths": [1, 1]}, epochs=1, batch_size=32)
    run = train(tiny, faces, tmp_path / "run").run
    expected = Classifier.load(run).predict_proba(faces.images)
    for name in ("model.tflite", "model.xml", "model_saved_model"):
        result = export_network(run, run / name, faces)
        assert result.max_difference <= 1e-5
        if result.sha256:
            np.testing.assert_allclose(Classifier.load(run / name).predict_proba(faces.images), expected, atol=1e-5)


def test_impossible_exports_are_refused(tmp_path, exported, faces):
    from moue.training.export_formats import export_network

    with pytest.raises(SettingError, match=r"\.pt"):
        export_network("small", tmp_path / "a.pt")
    with pytest.raises(SettingError, match="SavedModel files"):
        export_network("small", tmp_path / "a", weights="fp16")
    with pytest.raises(SettingError, match="one of int8"):
        export_network("small", tmp_path / "a.onnx")
    with pytest.raises(SettingError, match="8 bits without data"):
        export_network("small", tmp_path / "a.onnx", weights="int8")
    with pytest.raises(MoueError, match="already in an exported format"):
        export_network(exported["litert", "fp32"].path, tmp_path / "a.xml", faces)


def test_wrong_options_are_usage_errors(moue, tmp_path):
    for words in (
        ("small", "--format", "litert", "--also", tmp_path),
        (tmp_path,),
        (tmp_path, tmp_path, "--out", tmp_path / "x.tflite"),
        ("small", "--format", "litert", "--out", tmp_path / "x.xml"),
        ("small", "--format", "openvino", "--int8"),
        ("small", "--format", "openvino", "--int8", "--half"),
        ("small", "--format", "openvino", "--allow-loss"),
        ("small", "--format", "saved_model", "--half"),
    ):
        assert moue("export", *words)[0] == 2


def test_the_command_line_names_every_file_it_writes(moue, tmp_path):
    code, out, err = moue("export", "small", "--format", "openvino", "--out", tmp_path / "mine.xml")
    assert code == 0
    assert "drawn faces" in err
    for name in ("mine.xml", "mine.bin", "mine.xml.json"):
        assert (tmp_path / name).is_file()
        assert name in out + err
