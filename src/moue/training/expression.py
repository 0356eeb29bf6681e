"""The outputs `expression` and `not_face`: computed with NumPy to fit their numbers, then built into the ONNX file.

What a person is told about a face is computed inside the exported file, so that every program that runs the file gives
the same answer. `moue.classifier.spec.ExpressionSpec` says what is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MissingExtraError, MoueError
from moue.files import replacing
from moue.heads import EXPRESSION, NOT_FACE
from moue.probabilities import PROBABILITY_FLOOR, apply_temperature, normalised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

    from moue.classifier.spec import ExpressionSpec, HeadSpec

_LEAST_OPSET: Final = 13  # from this one on, ReduceSum takes its axes as an input
_PREFIX: Final = "moue/"


def mix_heads(
    y_prob: Mapping[str, NDArray[np.floating]], heads: Sequence[HeadSpec], how: ExpressionSpec
) -> NDArray[np.float64]:
    """Return what the output `expression` will be, float64 (N, classes of expression), rows sum to 1.

    A head may have classes that expression lacks (contempt, unknown, not_face). Their share goes to the other classes
    in proportion.

    Args:
        y_prob: The network's own probabilities of each head by its name, before any temperature.
        heads: The heads, with their temperatures.
        how: How they answer together.
    """
    mixed: Any = 0.0
    for head in heads:
        if share := how.shares.get(head.name, 0.0):
            columns = [head.class_names.index(name) for name in how.class_names]
            chosen = _calibrated(y_prob[head.name], head.temperature)[:, columns]
            if head.temperature == 1 and columns != list(range(len(head.class_names))):
                chosen = np.maximum(chosen, PROBABILITY_FLOOR)  # a temperature has its own floor
            mixed = mixed + share * normalised(chosen)
    if how.class_weights:
        mixed = normalised(mixed * np.array(how.class_weights))
    # Last, so that the temperature changes no answer.
    result: NDArray[np.float64] = _calibrated(mixed, how.temperature)
    return result


def _calibrated(y_prob: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    return y_prob.astype(np.float64) if temperature == 1 or not len(y_prob) else apply_temperature(y_prob, temperature)


def append_expression(path: str | Path, heads: Sequence[HeadSpec], how: ExpressionSpec) -> None:
    """Add the outputs `expression` (N, K) and `not_face` (N, 1) to an exported file, which keeps its other outputs.

    Args:
        path: An ONNX file with the outputs of `heads`; it is replaced.
        heads: The heads, with their temperatures.
        how: How they answer together.

    Raises:
        MissingExtraError: onnx is not installed.
        MoueError: the file has these outputs already, lacks a head, or is too old.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    model = onnx.load(str(path))
    found = {output.name for output in model.graph.output}
    missing = {head.output for head in heads} - found
    if missing or found & {EXPRESSION, NOT_FACE}:
        raise MoueError(f"{path} has the outputs {', '.join(sorted(found))}", "those of its heads alone")
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    if opset < _LEAST_OPSET:
        raise MoueError(f"{path} has opset {opset}", f"{_LEAST_OPSET} or above", "Export it again.")
    graph = _Nodes(model.graph)
    _add_expression(graph, heads, how)
    _add_not_face(graph, heads)
    batch = model.graph.output[0].type.tensor_type.shape.dim[0].dim_param or "N"
    for name, columns in ((EXPRESSION, len(how.class_names)), (NOT_FACE, 1)):
        info = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, columns])
        model.graph.output.append(info)
    onnx.checker.check_model(model)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


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

    def constant(self, values: float | Sequence[float]) -> str:
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

    def divided(self, values: str, temperature: float) -> str:
        """Add log p / T; probabilities below 1e-7 count as 1e-7, as in `apply_temperature`."""
        floored = self.add("Max", values, self.constant(PROBABILITY_FLOOR))
        return self.add("Mul", self.add("Log", floored), self.constant(1 / temperature))

    def columns(self, values: str, index: Sequence[int], output: str = "") -> str:
        """Add the choice of some columns of (N, K)."""
        return self.add("Gather", values, self.index(index), output=output, axis=1)

    def to_sum_one(self, values: str) -> str:
        """Add the division of each row of (N, K) by its sum."""
        return self.add("Div", values, self.add("ReduceSum", values, self.index([1]), keepdims=1))


def _add_expression(graph: _Nodes, heads: Sequence[HeadSpec], how: ExpressionSpec) -> None:
    parts = []
    for head in heads:
        share = how.shares.get(head.name, 0.0)
        if not share:
            continue
        values = _answer_of(graph, head, how.class_names)
        parts.append(values if share == 1 else graph.add("Mul", values, graph.constant(share)))
    mixed = parts[0] if len(parts) == 1 else graph.add("Sum", *parts)
    if how.class_weights:
        mixed = graph.to_sum_one(graph.add("Mul", mixed, graph.constant(how.class_weights)))
    if how.temperature == 1:
        graph.add("Identity", mixed, output=EXPRESSION)
    else:
        graph.add("Softmax", graph.divided(mixed, how.temperature), axis=1, output=EXPRESSION)


def _answer_of(graph: _Nodes, head: HeadSpec, class_names: Sequence[str]) -> str:
    """Add a head's calibrated probabilities over some of its classes, (N, len(class_names)), rows sum to 1."""
    index = [head.class_names.index(name) for name in class_names]
    every = index == list(range(len(head.class_names)))
    values = head.output if every else graph.columns(head.output, index)
    if head.temperature != 1:
        # A softmax over some columns equals the softmax over all, normalised over these; it cannot become 0 / 0.
        return graph.add("Softmax", graph.divided(values, head.temperature), axis=1)
    if every:
        return values
    # If a row gives nothing to these classes, the floor makes it 1/K everywhere.
    return graph.to_sum_one(graph.add("Max", values, graph.constant(PROBABILITY_FLOOR)))


def _add_not_face(graph: _Nodes, heads: Sequence[HeadSpec]) -> None:
    head = next((head for head in heads if NOT_FACE in head.class_names), None)
    if head is None:
        graph.add("Mul", graph.columns(heads[0].output, [0]), graph.constant(0.0), output=NOT_FACE)
        return
    values = head.output
    if head.temperature != 1:
        values = graph.add("Softmax", graph.divided(values, head.temperature), axis=1)
    graph.columns(values, [head.class_names.index(NOT_FACE)], output=NOT_FACE)
