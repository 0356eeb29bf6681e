"""A small real ONNX network for tests: Flatten, Gemm and Softmax with fixed random weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from moue.classifier.input_spec import InputSpec
from moue.classifier.output_spec import ExpressionSpec, HeadSpec
from moue.classifier.spec import ModelSpec
from moue.files import sha256_of
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.training.expression import append_expression


def weights(seed=0, side=48, classes=7):
    """Return the matrix (side * side, classes) and bias (classes,) of the network."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(0.0, 1e-3, (side * side, classes)).astype(np.float32)
    return matrix, rng.normal(0.0, 0.3, classes).astype(np.float32)


def expected_proba(images, seed=0):
    """Return the outputs of the network for float (N, 48, 48, 1), computed with NumPy."""
    matrix, bias = weights(seed)
    logits = images.reshape(len(images), -1).astype(np.float64) @ matrix + bias
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def save_onnx(path: Path, *, side=48, classes=7, batch="N", output="emotion", softmax=True, perceived=False):
    """Write the network to `path`; with `perceived` it has a second head with ten classes and seed 1."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    matrix, bias = weights(side=side, classes=classes)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "matrix", "bias"], ["logits"]),
        helper.make_node("Softmax" if softmax else "Identity", ["logits"], [output]),
    ]
    outputs = [helper.make_tensor_value_info(output, kind, [batch, classes])]
    tensors = {"matrix": matrix, "bias": bias}
    if perceived:
        tensors["matrix2"], tensors["bias2"] = weights(1, side, 10)
        nodes += [
            helper.make_node("Gemm", ["flat", "matrix2", "bias2"], ["logits2"]),
            helper.make_node("Softmax", ["logits2"], ["perceived"]),
        ]
        outputs.append(helper.make_tensor_value_info("perceived", kind, [batch, 10]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", kind, [batch, side, side, 1])],
        outputs,
        [onnx.numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def make_expression(shares, *, temperature=1.0, class_names=CLASS_NAMES, **fields) -> ExpressionSpec:
    """Return an expression from some of the heads: the power mean of their outputs by `shares`, sharpened."""
    known = {"emotion": tuple(class_names), "perceived": FERPLUS_NAMES}
    weights = {
        name: tuple(tuple(share / temperature * (one == wanted) for one in known[name]) for wanted in class_names)
        for name, share in shares.items()
    }
    return ExpressionSpec(tuple(class_names), weights, (0.0,) * len(class_names), **fields)


def save_other(folder: Path) -> Path:
    """Write a run folder whose network is described as a community model."""
    save_run(folder)
    about = {
        "format": "moue-community",
        "version": 1,
        "name": "other",
        "height": 48,
        "width": 48,
        "color": "gray",
        "layout": "NHWC",
        "values": "probabilities",
        "class_names": list(CLASS_NAMES),
        "output": "emotion",
    }
    (folder / "model.json").write_text(json.dumps(about))
    return folder


def save_run(folder: Path, *, temperature=1.0, side=48, class_names=CLASS_NAMES, expression=None, **options) -> Path:
    """Write a run folder with ``model.onnx`` and ``model.json``; `options` go to `save_onnx`.

    `expression`, arguments of `make_expression`, makes a network of two heads.
    """
    options |= {"perceived": expression is not None}
    folder.mkdir(parents=True, exist_ok=True)
    save_onnx(folder / "model.onnx", **{"side": side, **options})
    heads = [HeadSpec("emotion", "emotion", tuple(class_names), temperature)]
    how = ExpressionSpec.of_head(heads[0])
    if expression is not None:
        heads.append(HeadSpec("perceived", "perceived", FERPLUS_NAMES))
        how = make_expression(**{"shares": {"emotion": 1.0}, "class_names": class_names, **expression})
    if options.get("output", "emotion") == "emotion" and options.get("classes", 7) == len(class_names):
        append_expression(folder / "model.onnx", heads, how)
    spec = ModelSpec(
        name="tiny",
        onnx_sha256=sha256_of(folder / "model.onnx"),
        heads=tuple(heads),
        expression=how,
        input=InputSpec(height=side, width=side),
    )
    spec.save(folder / "model.json")
    return folder


def save_yunet(path: Path) -> Path:
    """Write a file with the input and the outputs of YuNet that finds nothing."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    names = [f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input"], [name]) for name in names],
        "nothing",
        [helper.make_tensor_value_info("input", kind, [1, 3, 640, 640])],
        [helper.make_tensor_value_info(name, kind, None) for name in names],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
