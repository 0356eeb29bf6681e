"""Finds the last feature map of an exported file; the description names it, so that predictions can be explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.classifier.features import FeatureSpec
from moue.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import onnx

    from moue.classifier.output_spec import HeadSpec

_NCHW_TO_NHWC: Final = [0, 2, 3, 1]
_AVERAGES: Final = {"ReduceMean", "GlobalAveragePool"}
_WINDOWS: Final = {"Conv", "AveragePool", "MaxPool"}
_RESHAPING: Final = {"Squeeze", "Flatten", "Reshape"}


def find_features(path: Path, heads: Sequence[HeadSpec]) -> FeatureSpec | None:
    """Return the feature map that all heads average, or None if the network is built otherwise.

    Args:
        path: An exported ONNX file.
        heads: Its heads.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    graph = onnx.load(str(path)).graph
    nodes = {name: node for node in graph.node for name in node.output}
    layers: dict[str, tuple[str, str]] = {}
    averages = set()
    for head in heads:
        layer = _last_layer(nodes, head.output)
        if layer is None:
            return None
        average, layers[head.name] = layer[0], layer[1:]
        averages.add(average)
    if len(averages) != 1:
        return None
    feature_map = _before_average(nodes, averages.pop())
    if feature_map is None:
        return None
    stride, start = _centres(graph)[feature_map[0]]
    # The tile of the first cell is centred at (stride - 1) / 2. The shift is measured in cells, so an enlargement of
    # the input inside the network does not matter.
    return FeatureSpec(*feature_map, layers, shift=(start - (stride - 1) / 2) / stride)


def _last_layer(nodes: Mapping[str, onnx.NodeProto], output: str) -> tuple[str, str, str] | None:
    """Return input, weights and bias of a head's layer, if the head is a single dense layer with softmax."""
    softmax = nodes.get(output)
    if softmax is None or softmax.op_type != "Softmax":
        return None
    last = nodes.get(softmax.input[0])
    if last is not None and last.op_type == "Gemm" and len(last.input) == 3 and not last.attribute:
        return last.input[0], last.input[1], last.input[2]
    if last is None or last.op_type != "Add":
        return None
    product = nodes.get(last.input[0])
    if product is None or product.op_type != "MatMul":
        return None
    return product.input[0], product.input[1], last.input[1]


def _before_average(nodes: Mapping[str, onnx.NodeProto], name: str) -> tuple[str, str] | None:
    """Return the tensor that a spatial average is taken of, and its layout."""
    node = nodes.get(name)
    while node is not None and node.op_type in _RESHAPING:
        node = nodes.get(node.input[0])
    if node is None or node.op_type not in _AVERAGES:
        return None
    if node.op_type == "GlobalAveragePool":
        return node.input[0], "NCHW"
    before = nodes.get(node.input[0])
    if before is not None and before.op_type == "Transpose" and list(before.attribute[0].ints) == _NCHW_TO_NHWC:
        return before.input[0], "NCHW"
    return node.input[0], "NHWC"


def _centres(graph: onnx.GraphProto) -> dict[str, tuple[float, float]]:
    """Return stride and start of the rows of each tensor: row i is centred on the input's row stride * i + start.

    If branches are added, the start is their mean.
    """
    known = {one.name: (1.0, 0.0) for one in graph.input}
    for node in graph.node:  # ONNX sorts nodes topologically
        before = [known[name] for name in node.input if name in known]
        if not before:  # computed from constants
            continue
        stride = max(size for size, _ in before)
        starts = [start for size, start in before if size == stride]
        step, middle = _window(node)
        centre = stride * step, sum(starts) / len(starts) + stride * middle
        known.update(dict.fromkeys(node.output, centre))
    return known


def _window(node: onnx.NodeProto) -> tuple[float, float]:
    """Return the stride of a convolution or pooling, and where the middle of its first window lies."""
    attributes = {one.name: list(one.ints) for one in node.attribute if one.ints}
    if node.op_type not in _WINDOWS or "kernel_shape" not in attributes:
        return 1.0, 0.0
    reach = (attributes["kernel_shape"][0] - 1) * attributes.get("dilations", [1])[0]
    return float(attributes.get("strides", [1])[0]), reach / 2 - attributes.get("pads", [0])[0]
