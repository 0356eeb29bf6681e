"""The outputs `expression` and `not_face`: computed with NumPy while they are fitted, then built into the ONNX file.

The final prediction is computed inside the exported file, so that every program that runs the file gets the same
result. `moue.classifier.output_spec.ExpressionSpec` defines the computation.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MissingExtraError, MoueError
from moue.files import replacing
from moue.heads import EXPRESSION, NOT_FACE
from moue.probabilities import PROBABILITY_FLOOR, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import onnx
    from numpy.typing import ArrayLike, NDArray

    from moue.classifier.output_spec import ExpressionSpec, HeadSpec

_MIN_OPSET: Final = 13  # from this opset on, Softmax works on one axis
_PREFIX: Final = "moue/"


def mix_heads(y_prob: Mapping[str, NDArray[np.floating]], spec: ExpressionSpec) -> NDArray[np.float64]:
    """Return the output `expression`, float64 (N, classes of expression); rows sum to 1.

    Args:
        y_prob: The probabilities of each head by its name, before any temperature.
        spec: How the heads are combined.
    """
    logits: Any = np.array(spec.bias)
    for name, rows in spec.weights.items():
        logits = logits + log_probabilities(y_prob[name]) @ np.array(rows).T
    return softmax(logits)


def log_probabilities(y_prob: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log p, float64, with p clipped to at least 1e-7."""
    result: NDArray[np.float64] = np.log(np.maximum(y_prob.astype(np.float64), PROBABILITY_FLOOR))
    return result


def append_expression(path: str | Path, heads: Sequence[HeadSpec], spec: ExpressionSpec) -> None:
    """Add the outputs `expression` (N, K) and `not_face` (N, 1) to an exported file, which keeps its other outputs.

    If the file has them already, they are replaced.

    Args:
        path: An ONNX file with the outputs of `heads`; it is replaced.
        heads: The heads, with their temperatures.
        spec: How the heads are combined.

    Raises:
        MissingExtraError: onnx is not installed.
        MoueError: the file lacks a head, or its opset is too old.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    model = onnx.load(str(path))
    _remove_earlier(model.graph)
    outputs = {output.name for output in model.graph.output}
    if {head.output for head in heads} - outputs:
        raise MoueError(f"{path} has the outputs {', '.join(sorted(outputs))}", "an output for each of its heads")
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < _MIN_OPSET:
        raise MoueError(f"{path} has opset {opset}", f"{_MIN_OPSET} or above", "Export it again.")
    graph = _Nodes(model.graph)
    _add_expression(graph, {head.name: head.output for head in heads}, spec)
    _add_not_face(graph, heads)
    batch = model.graph.output[0].type.tensor_type.shape.dim[0].dim_param or "N"
    for name, columns in ((EXPRESSION, len(spec.class_names)), (NOT_FACE, 1)):
        info = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, columns])
        model.graph.output.append(info)
    onnx.checker.check_model(model)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _remove_earlier(graph: onnx.GraphProto) -> None:
    """Remove what an earlier `append_expression` added."""
    for parts in (graph.node, graph.initializer, graph.output):
        for part in [part for part in parts if part.name.startswith(_PREFIX) or part.name in (EXPRESSION, NOT_FACE)]:
            parts.remove(part)


class _Nodes:
    """Adds uniquely named nodes to an ONNX graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._count = 0

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: int) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        self._count += 1
        name = f"{_PREFIX}{kind}_{self._count}"
        self._graph.node.append(helper.make_node(kind, list(inputs), [output or name], name=name, **attributes))
        return output or name

    def constant(self, values: ArrayLike) -> str:
        """Add a float32 constant and return its name."""
        return self._store(np.asarray(values, np.float32))

    def index(self, values: Sequence[int]) -> str:
        """Add an int64 constant and return its name."""
        return self._store(np.asarray(values, np.int64))

    def _store(self, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._count += 1
        name = f"{_PREFIX}constant_{self._count}"
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def log(self, values: str) -> str:
        """Add log p, with p clipped to at least 1e-7."""
        return self.add("Log", self.add("Max", values, self.constant(PROBABILITY_FLOOR)))

    def columns(self, values: str, index: Sequence[int], output: str = "") -> str:
        """Add the selection of some columns of (N, K)."""
        return self.add("Gather", values, self.index(index), output=output, axis=1)


def _add_expression(graph: _Nodes, outputs: Mapping[str, str], spec: ExpressionSpec) -> None:
    parts = [
        graph.add("MatMul", graph.log(outputs[name]), graph.constant(np.array(rows).T))
        for name, rows in spec.weights.items()
    ]
    # Not Sum, which ONNX Runtime's WebGPU backend lacks.
    logits = functools.reduce(lambda left, right: graph.add("Add", left, right), [*parts, graph.constant(spec.bias)])
    graph.add("Softmax", logits, axis=1, output=EXPRESSION)


def _add_not_face(graph: _Nodes, heads: Sequence[HeadSpec]) -> None:
    head = next((head for head in heads if NOT_FACE in head.class_names), None)
    if head is None:
        graph.add("Mul", graph.columns(heads[0].output, [0]), graph.constant(0.0), output=NOT_FACE)
        return
    values = head.output
    if head.temperature != 1:
        scaled = graph.add("Mul", graph.log(values), graph.constant(1 / head.temperature))
        values = graph.add("Softmax", scaled, axis=1)
    graph.columns(values, [head.class_names.index(NOT_FACE)], output=NOT_FACE)
