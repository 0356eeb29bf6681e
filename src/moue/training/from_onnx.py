"""Rebuilds an exported network in Keras with the weights of its ONNX file, so that it can be trained further.

The export folds each BatchNorm into the convolution before it. Here the folded kernel becomes the kernel, the folded
bias becomes BatchNorm's beta, and BatchNorm's other numbers are such that it changes nothing else. So the network
predicts as the file does while BatchNorm keeps its statistics; `moue.training.batch_norm.renew_statistics` computes
statistics for training. 16-bit weights become 32-bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.spec import ModelSpec
from moue.errors import MissingExtraError, MoueError
from moue.training.backend import keras
from moue.training.config import TrainConfig
from moue.training.network import assemble

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

MAX_DIFFERENCE: Final = 1e-3
"""Largest difference of a probability between the file and the network rebuilt from it."""

_NUM_COMPARED: Final = 4
_FIX: Final = "Give the run folder it was exported from."


def describe_exported(path: Path) -> TrainConfig:
    """Return the architecture that a file's description records: the model, its options and its heads.

    Raises:
        MoueError: the description is missing, or names no model that moue can build.
    """
    recipe = ModelSpec.load(path.with_suffix(".json")).recipe
    names = ("model", "model_options", "ferplus_weight", "head_weights")
    if "model" not in recipe:
        raise MoueError(f"{path.with_suffix('.json')} does not say which network it describes", "recipe.model", _FIX)
    return TrainConfig.from_dict({name: recipe[name] for name in names if name in recipe}, str(path))


def load_exported(path: Path) -> keras.Model:
    """Return the network of an ONNX file that moue exported, with all its heads.

    Raises:
        MissingExtraError: onnx is not installed.
        MoueError: the network cannot be rebuilt.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    spec = ModelSpec.load(path.with_suffix(".json"))
    model = assemble(describe_exported(path), len(spec.heads[0].class_names))
    if tuple(model.input_shape[1:]) != spec.input.shape:
        raise MoueError(f"{path} takes images of {spec.input.shape}", f"{tuple(model.input_shape[1:])}", _FIX)
    graph = _Graph(onnx.load(str(path)).graph)
    try:
        _fill(model, graph, {head.name: head.output for head in spec.heads})
        difference = _difference(model, path, {head.name: head.output for head in spec.heads})
    except (KeyError, IndexError, ValueError) as error:
        raise MoueError(f"{path} cannot be made into a Keras model again: {error}", "convolutions", _FIX) from error
    if not difference <= MAX_DIFFERENCE:
        raise MoueError(
            f"the network made from {path} differs from it by {difference:.2g}", f"at most {MAX_DIFFERENCE:g}", _FIX
        )
    return model


class _Graph:
    """The weights in an ONNX graph, by the kind of node that uses them, in the order of the graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx import numpy_helper

        self._values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        for node in graph.node:
            if node.op_type == "Cast" and node.input[0] in self._values:
                self._values[node.output[0]] = self._values[node.input[0]].astype(np.float32)
        self._nodes = list(graph.node)
        self._producers = {output: node for node in self._nodes for output in node.output}
        self._convolutions = [node for node in self._nodes if node.op_type == "Conv"]
        self._products = [node for node in self._nodes if node.op_type == "MatMul"]

    def convolution(self, shape: tuple[int, ...]) -> tuple[Array, Array | None]:
        """Return kernel and bias, if any, of the next unused convolution of this shape (h, w, in, out)."""
        for node in self._convolutions:
            kernel = self._values[node.input[1]].transpose(2, 3, 1, 0)
            if kernel.shape == shape:
                self._convolutions.remove(node)
                return kernel, self._values[node.input[2]] if len(node.input) > 2 else None
        raise ValueError(f"it has no convolution of {shape} left")

    def dense(self, shape: tuple[int, ...], output: str = "") -> tuple[Array, Array]:
        """Return kernel and bias of the dense layer of `output`, or of the next unused one of this shape (in, out)."""
        nodes = [self._upstream(output, "MatMul")] if output else self._products
        for node in nodes:
            kernel = self._values.get(node.input[1])
            if kernel is not None and kernel.shape == shape:
                self._products.remove(node)
                added = next(one for one in self._nodes if one.op_type == "Add" and node.output[0] in one.input)
                return kernel, next(self._values[name] for name in added.input if name in self._values)
        raise ValueError(f"it has no dense layer of {shape} left")

    def _upstream(self, output: str, kind: str) -> Any:  # noqa: ANN401 (a node)
        node = self._producers[output]
        while node.op_type != kind:
            node = self._producers[next(name for name in node.input if name in self._producers)]
        return node


def _fill(model: keras.Model, graph: _Graph, outputs: dict[str, str]) -> None:
    """Copy the weights of the file into the network."""
    layers = [layer for layer in model.layers if layer.weights]
    filled = set()
    for layer in layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = graph.convolution(tuple(layer.kernel.shape))
            norm = next((one for one in layers if _is_norm(one) and one.input is layer.output), None)
            shift = np.zeros(kernel.shape[-1], np.float32) if bias is None else bias
            layer.set_weights([kernel, shift] if layer.use_bias else [kernel])
            if norm is not None:
                ones = np.ones_like(shift)
                beta = np.zeros_like(shift) if layer.use_bias else shift
                norm.set_weights([ones, beta, np.zeros_like(shift), ones - np.float32(norm.epsilon)])
                filled.add(norm.name)
        elif isinstance(layer, keras.layers.Dense):
            layer.set_weights(graph.dense(tuple(layer.kernel.shape), outputs.get(layer.name, "")))
        elif not (_is_norm(layer) and layer.name in filled):
            raise ValueError(f"its layer {layer.name!r} is of a kind that is not read back")


def _is_norm(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _difference(model: keras.Model, path: Path, outputs: dict[str, str]) -> float:
    """Return the largest difference between probabilities of network and file, over all heads and random images."""
    import onnxruntime

    images = np.random.default_rng(0).uniform(0, 255, (_NUM_COMPARED, *model.input_shape[1:])).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    exported = session.run(list(outputs.values()), {session.get_inputs()[0].name: images})
    y_prob = model(images, training=False)
    rebuilt = y_prob if isinstance(y_prob, dict) else dict.fromkeys(outputs, y_prob)
    pairs = zip(exported, (keras.ops.convert_to_numpy(rebuilt[name]) for name in outputs), strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)
