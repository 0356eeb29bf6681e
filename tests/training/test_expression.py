"""The outputs that an exported file computes from its heads, compared with NumPy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import onnx_model
from moue.classifier.classifier import Classifier
from moue.classifier.output_spec import ExpressionSpec, HeadSpec
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.probabilities import apply_temperature
from moue.training.expression import append_expression, mix_heads

onnx = pytest.importorskip("onnx", reason="exporting needs the extra 'train'")
onnxruntime = pytest.importorskip("onnxruntime")


def bare_file(path, heads):
    """Write a file whose heads' probabilities are its inputs."""
    kind = onnx.TensorProto.FLOAT

    def info(name, head):
        return onnx.helper.make_tensor_value_info(name, kind, ["N", len(head.class_names)])

    nodes = [onnx.helper.make_node("Identity", [f"in_{head.name}"], [head.output]) for head in heads]
    inputs = [info(f"in_{head.name}", head) for head in heads]
    graph = onnx.helper.make_graph(nodes, "bare", inputs, [info(head.output, head) for head in heads])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def run(path, y_prob):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expression, not_face = session.run(
        ["expression", "not_face"], {f"in_{name}": rows.astype(np.float32) for name, rows in y_prob.items()}
    )
    return expression, not_face


def two_heads(emotion=1.0, perceived=1.0):
    return (
        HeadSpec("emotion", "emotion", CLASS_NAMES, emotion),
        HeadSpec("perceived", "perceived", FERPLUS_NAMES, perceived),
    )


def layer(seed, names, scale):
    """Return an expression over some heads, with weights up to `scale`."""
    rng = np.random.default_rng(seed)
    widths = {"emotion": len(CLASS_NAMES), "perceived": len(FERPLUS_NAMES)}
    weights = {name: tuple(map(tuple, rng.uniform(-scale, scale, (7, widths[name])).tolist())) for name in names}
    return ExpressionSpec(CLASS_NAMES, weights, tuple(rng.uniform(-scale, scale, 7).tolist()))


@given(
    st.tuples(*[st.sampled_from([0.05, 0.57, 1.0, 20.0])] * 2),
    st.sampled_from([("emotion",), ("perceived",), ("emotion", "perceived")]),
    st.sampled_from([0.1, 1.5, 5.0]),
    st.sampled_from([0.02, 0.3, 3.0]),
)
def test_the_file_agrees_with_numpy(tmp_path_factory, fitted, names, scale, spread):
    heads = two_heads(*fitted)
    spec = layer(1, names, scale)
    rng = np.random.default_rng(0)
    y_prob = {head.name: rng.dirichlet(np.full(len(head.class_names), spread), 20) for head in heads}
    y_prob = {name: np.maximum(rows, 1e-30).astype(np.float32) for name, rows in y_prob.items()}
    path = bare_file(tmp_path_factory.mktemp("net") / "bare.onnx", heads)
    append_expression(path, heads, spec)
    expression, not_face = run(path, y_prob)
    np.testing.assert_allclose(expression, mix_heads(y_prob, spec), atol=1e-4)
    perceived = fitted[1]
    expected = apply_temperature(y_prob["perceived"], perceived) if perceived != 1 else y_prob["perceived"]
    np.testing.assert_allclose(not_face[:, 0], expected[:, FERPLUS_NAMES.index("not_face")], atol=1e-4)


def test_the_layer_agrees_with_a_calculation_by_hand():
    """Two classes: twice log p of the first class of "one", and log p of the second class of "two" plus 0.5."""
    spec = ExpressionSpec(("a", "b"), {"one": ((2.0, 0.0), (0.0, 0.0)), "two": ((0.0, 0.0), (0.0, 1.0))}, (0.0, 0.5))
    y_prob = mix_heads({"one": np.array([[0.5, 0.5]]), "two": np.array([[0.8, 0.2]])}, spec)
    first, second = 0.5**2, 0.2 * np.exp(0.5)
    np.testing.assert_allclose(y_prob, [[first / (first + second), second / (first + second)]])


@pytest.mark.parametrize("perceived", [0.05, 1.0, 20.0])
def test_a_certain_prediction_gives_no_nan(tmp_path, perceived):
    """If a head puts all probability on not_face, the seven classes are equally likely."""
    heads = two_heads(perceived=perceived)
    spec = onnx_model.make_expression({"perceived": 1.0}, temperature=0.05)
    path = bare_file(tmp_path / "bare.onnx", heads)
    append_expression(path, heads, spec)
    nothing = np.eye(10)[[9]]
    expression, not_face = run(path, {"emotion": np.eye(7)[[0]], "perceived": nothing})
    np.testing.assert_allclose(expression, 1 / 7, atol=1e-5)
    assert not_face[0, 0] > 0.15


def test_raw_heads_do_not_change(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), np.uint8)
    model = Classifier.load(onnx_model.save_run(tmp_path, expression={"shares": {"perceived": 1.0}}))
    np.testing.assert_allclose(
        model.predict_proba(images, head="emotion"), onnx_model.expected_proba(images), atol=1e-5
    )


def test_a_model_with_one_head_has_both_outputs(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), np.uint8)
    model = Classifier.load(onnx_model.save_run(tmp_path, temperature=2.0))
    predictions = model.predict_faces(images)
    np.testing.assert_allclose(predictions.expression, model.predict_proba(images, head="emotion"), atol=1e-6)
    assert not predictions.not_face.any()


def test_the_expression_can_be_replaced(tmp_path):
    heads = two_heads()
    path = bare_file(tmp_path / "bare.onnx", heads)
    append_expression(path, heads, layer(1, ("emotion", "perceived"), 1.0))
    original = path.read_bytes()
    append_expression(path, heads, layer(2, ("perceived",), 1.0))
    assert path.read_bytes() != original
    append_expression(path, heads, layer(1, ("emotion", "perceived"), 1.0))
    assert path.read_bytes() == original


def test_files_that_do_not_fit_are_refused(tmp_path):
    heads = two_heads()
    spec = ExpressionSpec.of_head(heads[0])
    path = bare_file(tmp_path / "bare.onnx", heads)
    with pytest.raises(MoueError, match="outputs emotion, perceived"):
        append_expression(path, (*heads, dataclasses.replace(heads[0], name="age", output="age")), spec)
    model = onnx.load(str(bare_file(tmp_path / "old.onnx", heads)))
    model.opset_import[0].version = 12
    onnx.save(model, str(tmp_path / "old.onnx"))
    with pytest.raises(MoueError, match="opset 12"):
        append_expression(tmp_path / "old.onnx", heads, spec)
