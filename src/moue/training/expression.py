"""The outputs `expression` and `not_face`: computed with NumPy to fit their numbers, then built into the ONNX file.

What a person is told about a face is computed inside the exported file, so that every program that runs the file gives
the same answer. `moue.classifier.answer_spec.ExpressionSpec` says what is computed.
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

    from moue.classifier.answer_spec import ExpressionSpec, HeadSpec

_LEAST_OPSET: Final = 13  # from this one on, Softmax works on one axis
_PREFIX: Final = "moue/"


def mix_heads(y_prob: Mapping[str, NDArray[np.floating]], how: ExpressionSpec) -> NDArray[np.float64]:
    """Return what the output `expression` will be, float64 (N, classes of expression), rows sum to 1.

    Args:
        y_prob: The network's own probabilities of each head by its name, before any temperature.
        how: How they answer together.
    """
    logits: Any = np.array(how.bias)
    for name, rows in how.weights.items():
        logits = logits + log_probabilities(y_prob[name]) @ np.array(rows).T
    return softmax(logits)


def log_probabilities(y_prob: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log p, float64, with p below 1e-7 taken as 1e-7."""
    result: NDArray[np.float64] = np.log(np.maximum(y_prob.astype(np.float64), PROBABILITY_FLOOR))
    return result


def append_expression(path: str | Path, heads: Sequence[HeadSpec], how: ExpressionSpec) -> None:
    """Add the outputs `expression` (N, K) and `not_face` (N, 1) to an exported file, which keeps its other outputs.

    Where the file has them already, the new ones take their place.

    Args:
        path: An ONNX file with the outputs of `heads`; it is replaced.
        heads: The heads, with their temperatures.
        how: How they answer together.

    Raises:
        MissingExtraError: onnx is not installed.
        MoueError: the file lacks a head, or is too old.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    model = onnx.load(str(path))
    _remove_earlier(model.graph)
    found = {output.name for output in model.graph.output}
    if {head.output for head in heads} - found:
        raise MoueError(f"{path} has the outputs {', '.join(sorted(found))}", "those of its heads alone")
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    if opset < _LEAST_OPSET:
        raise MoueError(f"{path} has opset {opset}", f"{_LEAST_OPSET} or above", "Export it again.")
    graph = _Nodes(model.graph)
    _add_expression(graph, {head.name: head.output for head in heads}, how)
    _add_not_face(graph, heads)
    batch = model.graph.output[0].type.tensor_type.shape.dim[0].dim_param or "N"
    for name, columns in ((EXPRESSION, len(how.class_names)), (NOT_FACE, 1)):
        info = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, columns])
        model.graph.output.append(info)
    onnx.checker.check_model(model)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _remove_earlier(graph: onnx.GraphProto) -> None:
    """Take away what an earlier `append_expression` added."""
    for parts in (graph.node, graph.initializer, graph.output):
        for part in [part for part in parts if part.name.startswith(_PREFIX) or part.name in (EXPRESSION, NOT_FACE)]:
            parts.remove(part)


class _Nodes:
    """Adds nodes to an ONNX graph, each with a name of its own."""

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
        """Add a constant float32 and return its name."""
        return self._store(np.asarray(values, np.float32))

    def index(self, values: Sequence[int]) -> str:
        """Add a constant int64 and return its name."""
        return self._store(np.asarray(values, np.int64))

    def _store(self, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._count += 1
        name = f"{_PREFIX}constant_{self._count}"
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def log(self, values: str) -> str:
        """Add log p; probabilities below 1e-7 count as 1e-7."""
        return self.add("Log", self.add("Max", values, self.constant(PROBABILITY_FLOOR)))

    def columns(self, values: str, index: Sequence[int], output: str = "") -> str:
        """Add the choice of some columns of (N, K)."""
        return self.add("Gather", values, self.index(index), output=output, axis=1)


def _add_expression(graph: _Nodes, outputs: Mapping[str, str], how: ExpressionSpec) -> None:
    parts = [
        graph.add("MatMul", graph.log(outputs[name]), graph.constant(np.array(rows).T))
        for name, rows in how.weights.items()
    ]
    # Not Sum, which ONNX Runtime's WebGPU lacks.
    logits = functools.reduce(lambda one, other: graph.add("Add", one, other), [*parts, graph.constant(how.bias)])
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
