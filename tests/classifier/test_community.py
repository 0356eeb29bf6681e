"""Community models: networks with the signatures of published ones, and the shipped descriptions."""

import json
import pickle

import numpy as np
import pytest

import moue
from moue.classifier.classifier import Classifier
from moue.classifier.community import CommunitySpec
from moue.classifier.locate import WEIGHTS
from moue.errors import MoueError
from moue.media.pixels import fit_gray, fit_rgb

SHIPPED = sorted(path.stem for path in (WEIGHTS / "community").glob("*.json"))
FERPLUS_ORDER = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
AFFECTNET_ORDER = ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def save_lookalike(path, shape, columns, *, batch, names=("input", "output")):
    """Write a network that shrinks its input to 4x4 means and multiplies them by a fixed matrix; return the matrix."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    channels, height, width = shape
    cells = (height // 4, width // 4)
    matrix = np.random.default_rng(1).normal(0, 0.05, (channels * 16, columns)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", [names[0]], ["cells"], kernel_shape=cells, strides=cells),
        helper.make_node("Flatten", ["cells"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "matrix"], [names[1]]),
    ]
    graph = helper.make_graph(
        nodes,
        "lookalike",
        [helper.make_tensor_value_info(names[0], kind, [batch, *shape])],
        [helper.make_tensor_value_info(names[1], kind, [batch, columns])],
        [onnx.numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return matrix


def expected_proba(planes, matrix, classes):
    """Compute with NumPy what a look-alike predicts for float (N, C, H, W)."""
    count, channels, height, width = planes.shape
    cells = planes.reshape(count, channels, 4, height // 4, 4, width // 4).mean(axis=(3, 5))
    logits = (cells.reshape(count, -1) @ matrix)[:, :classes]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 90, 80, 3), dtype=np.uint8)


def test_ferplus_is_fed_plain_gray_pixels_one_face_at_a_time(images, tmp_path):
    path = tmp_path / "emotion-ferplus-8.onnx"
    matrix = save_lookalike(path, (1, 64, 64), 8, batch=1, names=("Input3", "Plus692_Output_0"))
    matrix *= 0.1  # pixels of 0-255 make large logits
    save_scaled(path, 0.1)
    model = Classifier.load(path)
    assert model.class_names == FERPLUS_ORDER
    assert model.heads == ("expression", "emotion")
    gray = np.stack([fit_gray(image, (64, 64)) for image in images]).astype(np.float64).transpose(0, 3, 1, 2)
    expected = expected_proba(gray, matrix, 8)
    np.testing.assert_allclose(model.predict_proba(images), expected, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(images, head="emotion"), expected, atol=1e-5)
    assert not model.predict_faces(images).not_face.any()
    assert model.predict_proba(images[:0]).shape == (0, 8)


def save_scaled(path, factor):
    """Multiply the matrix of a look-alike by a factor."""
    import onnx

    model = onnx.load(str(path))
    values = onnx.numpy_helper.to_array(model.graph.initializer[0]) * np.float32(factor)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(values, "matrix"))
    onnx.save(model, str(path))


@pytest.mark.parametrize("name", [name for name in SHIPPED if name.startswith("enet")])
def test_hsemotion_is_fed_normalised_colours(name, images, tmp_path):
    side = 260 if "_b2_" in name else 224
    names = tuple(label for label in AFFECTNET_ORDER if label != "contempt" or "_7" not in name)
    columns = len(names) + 2 * name.endswith("_va_mtl")
    matrix = save_lookalike(tmp_path / f"{name}.onnx", (3, side, side), columns, batch="batch_size")
    model = Classifier.load(tmp_path / f"{name}.onnx")
    assert model.class_names == names
    scaled = np.stack([fit_rgb(image, (side, side)) for image in images]) / 255
    planes = ((scaled - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(model.predict_proba(images), expected_proba(planes, matrix, len(names)), atol=1e-5)
    gray = images[..., 0]
    np.testing.assert_array_equal(model.predict_proba(gray), model.predict_proba(np.repeat(gray[..., None], 3, axis=3)))


def describe(path, **changes):
    """Write a description beside a network: the FER+ one of 64x64 pixels, with changes."""
    content = json.loads((WEIGHTS / "community" / "emotion-ferplus-8.json").read_text()) | changes
    content = {name: value for name, value in content.items() if value is not None}
    path.with_suffix(".json").write_text(json.dumps(content))
    return path


def test_a_description_beside_the_file_takes_precedence(images, tmp_path):
    path = tmp_path / "emotion-ferplus-8.onnx"
    save_lookalike(path, (1, 64, 64), 8, batch="N")
    shipped = Classifier.load(path)
    describe(path, mean=[127.5], std=[127.5])
    own = Classifier.load(path)
    assert own.fingerprint != shipped.fingerprint
    assert not np.allclose(own.predict_proba(images), shipped.predict_proba(images))
    again = pickle.loads(pickle.dumps(own))  # noqa: S301 (it was made here)
    np.testing.assert_array_equal(again.predict_proba(images), own.predict_proba(images))


def test_bgr_input_and_an_output_of_probabilities(images, tmp_path):
    path = tmp_path / "mine.onnx"
    matrix = save_lookalike(path, (3, 64, 64), 8, batch="N")
    described = {"mean": [0.0] * 3, "std": [255.0] * 3, "color": "bgr"}
    blue_first = np.stack([fit_rgb(image, (64, 64)) for image in images])[..., ::-1] / 255
    model = Classifier.load(describe(path, **described))
    np.testing.assert_allclose(
        model.predict_proba(images), expected_proba(blue_first.transpose(0, 3, 1, 2), matrix, 8), atol=1e-5
    )
    model = Classifier.load(describe(path, **described, values="probabilities"))
    with pytest.raises(MoueError, match="gives no probabilities"):  # its outputs are logits
        model.predict_proba(images)


def test_analyze_explain_and_evaluate_work_with_it(images, tmp_path):
    path = tmp_path / "enet_b0_8_best_vgaf.onnx"
    save_lookalike(path, (3, 224, 224), 8, batch="N")
    result = moue.analyze(images[0], model=path, boxes=[(10, 10, 60, 60)])
    assert set(result.faces[0].probabilities) == set(AFFECTNET_ORDER)
    assert moue.explain(images[0], model=path, detector="none").faces[0].method == "occlusion"
    faces = moue.synthesize(3)
    scored = moue.evaluate(Classifier.load(path), faces, split="train")
    assert scored.class_names == AFFECTNET_ORDER
    assert 0 <= scored.accuracy <= 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"height": 48}, ["takes tensor(float)", "48, 64"]),
        ({"layout": "NHWC"}, ["64, 64, 1"]),
        ({"class_names": ["sad", "happy"]}, ["(N, 2)"]),
        ({"class_names": ["sad", "Sadness", *FERPLUS_ORDER[:3], *FERPLUS_ORDER[4:7]]}, ["name sad twice"]),
        ({"class_names": "sad"}, ["class_names is 'sad'"]),
        ({"output": "other"}, ["no output 'other'", "output"]),
        ({"color": "cmyk"}, ["'cmyk'", "gray, rgb, bgr"]),
        ({"values": None}, ["no 'values'"]),
        ({"mean": [0.0, 1.0]}, ["mean is (0.0, 1.0)", "1 numbers"]),
        ({"std": [0.0]}, ["other than 0"]),
        ({"scale": "1"}, ["scale is '1'"]),
        ({"unused": -1}, ["unused is -1"]),
        ({"colour": "gray"}, ["unknown keys: colour"]),
        ({"version": 2}, ["upgrade"]),
    ],
)
def test_a_wrong_description_is_refused(changes, words, tmp_path):
    path = tmp_path / "mine.onnx"
    save_lookalike(path, (1, 64, 64), 8, batch="N")
    with pytest.raises(MoueError) as caught:
        Classifier.load(describe(path, **changes))
    assert all(word in str(caught.value) for word in words), caught.value


def test_it_cannot_be_published(tmp_path):
    from moue.evaluation.hub_folder import write_hub_folder

    path = tmp_path / "mine.onnx"
    save_lookalike(path, (1, 64, 64), 8, batch="N")
    with pytest.raises(MoueError, match="that moue made"):
        write_hub_folder(describe(path), tmp_path / "hub")
    assert not (tmp_path / "hub").exists()


def test_a_file_without_a_description_is_refused(tmp_path):
    save_lookalike(tmp_path / "unknown.onnx", (1, 64, 64), 8, batch="N")
    with pytest.raises(MoueError, match=r"unknown\.json does not exist"):
        Classifier.load(tmp_path / "unknown.onnx")


def test_every_shipped_description_states_origin_and_license():
    assert "emotion-ferplus-8" in SHIPPED
    for name in SHIPPED:
        spec = CommunitySpec.load(WEIGHTS / "community" / f"{name}.json")
        assert (spec.name, bool(spec.origin), bool(spec.license)) == (name, True, True)
