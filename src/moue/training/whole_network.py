"""An exported model as one Keras model with all outputs of its ONNX file, for export to other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from moue.classifier.locate import locate
from moue.classifier.spec import ModelSpec
from moue.errors import MissingExtraError, MoueError
from moue.heads import EXPRESSION, NOT_FACE
from moue.probabilities import PROBABILITY_FLOOR
from moue.training.backend import keras
from moue.training.from_onnx import load_exported
from moue.training.network import as_float32
from moue.training.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from moue.classifier.output_spec import ExpressionSpec, HeadSpec


def load_whole(name_or_path: str | Path) -> keras.Model:
    """Return an exported model with the outputs `expression`, `not_face` and its raw heads, by name.

    Args:
        name_or_path: As for `moue.Classifier.load`. For a run folder, the Keras file is read; for other models, the
            weights in the ONNX file.

    Raises:
        MissingExtraError: onnx is not installed.
        MoueError: there is no such model, or it cannot be rebuilt in Keras.
    """
    path = locate(name_or_path)
    spec = ModelSpec.load(path.with_suffix(".json"))
    run = RunFolder(path.parent)
    is_run = path == run.onnx and run.best.is_file()
    model = as_float32(keras.saving.load_model(run.best, compile=False)) if is_run else load_exported(path)
    # A keras.Sequential has outputs, but no output.
    several = not isinstance(model, keras.Sequential) and isinstance(model.output, dict)
    outputs = model.output if several else {spec.heads[0].name: model.outputs[0]}
    heads = {head.output: outputs[head.name] for head in spec.heads}
    added = {EXPRESSION: _expression(outputs, spec.expression), NOT_FACE: _not_face(outputs, spec)}
    return keras.Model(model.inputs[0], added | heads, name=model.name)


def trace(model: keras.Model) -> Any:  # noqa: ANN401 (TensorFlow has no types)
    """Return a model as a TensorFlow function from `images`, any N, to its outputs by name, with constant weights.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        MoueError: Keras runs on another backend.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingExtraError("tensorflow", "train") from error
    if keras.backend.backend() != "tensorflow":
        raise MoueError(
            f"Keras runs on {keras.backend.backend()}",
            "TensorFlow, which the export goes through",
            "Export in a new process without KERAS_BACKEND.",
        )
    # As constants: converters would leave Keras's variables empty.
    weights = [[one.numpy() for one in part] for part in (model.trainable_variables, model.non_trainable_variables)]

    def predict(images: Any) -> Any:  # noqa: ANN401 (TensorFlow has no types)
        trained, others = ([tf.constant(one) for one in part] for part in weights)
        return model.stateless_call(trained, others, images, training=False)[0]

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="images")]
    return tf.function(predict, input_signature=signature)


def _log(y_prob: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.log(keras.ops.maximum(y_prob, PROBABILITY_FLOOR))


def _expression(outputs: dict[str, keras.KerasTensor], how: ExpressionSpec) -> keras.KerasTensor:
    """Softmax(W log p + b), as `moue.training.expression` builds it into the ONNX file."""
    logits = keras.ops.convert_to_tensor(np.array(how.bias, np.float32))
    for name, rows in how.weights.items():
        logits = logits + keras.ops.matmul(_log(outputs[name]), np.array(rows, np.float32).T)
    return keras.ops.softmax(logits, axis=1)


def _not_face(outputs: dict[str, keras.KerasTensor], spec: ModelSpec) -> keras.KerasTensor:
    head: HeadSpec | None = spec.not_face_head
    if head is None:
        return outputs[spec.heads[0].name][:, :1] * 0.0
    column = head.class_names.index(NOT_FACE)
    y_prob = outputs[head.name]
    if head.temperature != 1:
        y_prob = keras.ops.softmax(_log(y_prob) / head.temperature, axis=1)
    return y_prob[:, column : column + 1]
