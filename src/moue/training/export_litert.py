"""From an exported network to LiteRT; a file is kept only if it gives the same results as the ONNX file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.litert import SIGNATURE, SUFFIX, LiteRtSession
from moue.classifier.locate import FIX, describing, locate
from moue.classifier.preprocess import prepare
from moue.classifier.runtime import open_session, read_network
from moue.classifier.spec import ModelSpec
from moue.errors import MissingExtraError, MoueError
from moue.files import refuse_existing, refuse_suffix, replacing, sha256_of
from moue.quiet import silenced_stderr
from moue.training.backend import keras
from moue.training.export_onnx import BATCH_SIZES, MAX_DIFFERENCE, MAX_DIFFERENCE_HALF, ExportResult
from moue.training.whole_network import load_whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KEY: Final = "litert"
"""Where the description of a ``.tflite`` file tells of that file."""


def export_litert(
    model: str | Path, path: Path, images: NDArray[np.uint8], *, half: bool = False, overwrite: bool = False
) -> ExportResult:
    """Write an exported network as ``NAME.tflite``, with its description ``NAME.tflite.json``, and compare the two.

    The file has one signature, "serving_default": `images`, float32 (N, H, W, C) with pixels 0-255 and any N, gives
    all outputs of the ONNX file by their names.

    Args:
        model: As for `moue.Classifier.load`.
        path: The ``.tflite`` file to write.
        images: uint8 (n, H, W, C), at least 64 faces, compared in batches of 1, 7 and 64.
        half: Store the weights in 16 bits, which halves the file; computations stay in 32 bits.
        overwrite: Whether existing files may be replaced.

    Raises:
        MissingExtraError: TensorFlow, onnx or ai-edge-litert is not installed.
        MoueError: Keras runs on another backend, there are too few images, the network cannot be made again in Keras,
            or an output differs from the ONNX file's by more than 1e-5 (0.01 with 16 bits); then no file is left.
    """
    refuse_suffix(path, (SUFFIX,))
    for file in (path, describing(path)):
        refuse_existing(file, overwrite=overwrite)
    if len(images) < max(BATCH_SIZES):
        raise MoueError(f"{len(images)} images to compare with", f"at least {max(BATCH_SIZES)}")
    source = locate(model)
    if source.suffix.lower() != ".onnx":
        raise MoueError(f"{source} is what the export makes", "a run folder, an ONNX file or a shipped model")
    spec = ModelSpec.load(describing(source))
    faces = prepare(list(images[: max(BATCH_SIZES)]), spec.input)
    most = MAX_DIFFERENCE_HALF if half else MAX_DIFFERENCE
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(_convert(load_whole(model), half=half))
        difference, outputs = _compare(source, temporary, faces)
        if not difference <= most:
            raise MoueError(
                f"the LiteRT file differs from {source} by {difference:.2g}",
                f"at most {most:g}",
                "It was not kept. Export with 32 bits, or report it with the model's description.",
            )
    sha256 = sha256_of(path)
    about = {"sha256": sha256, "weights": "fp16" if half else "fp32", "max_difference": difference}
    # Maps of the features need names inside the ONNX file.
    described = dataclasses.replace(spec, features=None, extra={**spec.extra, KEY: about})
    described.save(describing(path), overwrite=True)
    return ExportResult(path, sha256, outputs, difference, sum(BATCH_SIZES))


def _convert(model: keras.Model, *, half: bool) -> bytes:
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
    # As constants: the converter would leave Keras's variables empty.
    weights = [[one.numpy() for one in part] for part in (model.trainable_variables, model.non_trainable_variables)]

    def answer(images: Any) -> Any:  # noqa: ANN401 (TensorFlow has no types)
        trained, others = ([tf.constant(one) for one in part] for part in weights)
        return model.stateless_call(trained, others, images, training=False)[0]

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="images")]
    function = tf.function(answer, input_signature=signature)
    with silenced_stderr():
        # Without a module, the file would have no signature.
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], tf.Module())
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content: bytes = converter.convert()
    return content


def _compare(source: Path, made: Path, faces: NDArray[np.float32]) -> tuple[float, tuple[str, ...]]:
    """Return the largest difference over all outputs and batch sizes, and the names of the outputs."""
    original = open_session(read_network(source, FIX), source, threads=1, fix=FIX)
    exported = LiteRtSession(made.read_bytes(), made, threads=1, fix=f"It has no signature {SIGNATURE}: report it.")
    outputs = [output.name for output in original.get_outputs()]
    differences = []
    for size in BATCH_SIZES:
        expected = original.run(outputs, {original.get_inputs()[0].name: faces[:size]})
        found = exported.run(outputs, {exported.get_inputs()[0].name: faces[:size]})
        differences += [float(np.abs(one - other).max()) for one, other in zip(found, expected, strict=True)]
    # NaN is no maximum, but must not pass.
    return float(np.max(differences)), tuple(outputs)
