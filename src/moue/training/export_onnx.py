"""Export from Keras to ONNX; a file is kept only if it gives the same results."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MissingExtraError, MoueError
from moue.files import replacing, sha256_of
from moue.quiet import silenced_stderr
from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MAX_DIFFERENCE: Final = 1e-5
MAX_DIFFERENCE_HALF: Final = 1e-2
BATCH_SIZES: Final = (1, 7, 64)
_OPSET: Final = 18
_MIN_HALVED: Final = 256  # numbers; halving smaller tensors saves nothing


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """An exported model.

    Attributes:
        path: The file.
        sha256: Checksum of the file; empty for a folder.
        outputs: Names of its outputs: the heads; in an exported run, "expression" and "not_face" come first.
        max_difference: Largest difference of a probability from the Keras model; for other formats, from the ONNX file.
        num_images: Number of images compared.
        accuracy: Accuracy of each head on the validation split, before and after; empty if it was not measured.
    """

    path: Path
    sha256: str
    outputs: tuple[str, ...]
    max_difference: float
    num_images: int
    accuracy: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)


def export_onnx(
    model: keras.Model,
    path: str | Path,
    images: NDArray[np.uint8],
    *,
    half: bool = False,
    overwrite: bool = False,
) -> ExportResult:
    """Write a Keras model as ONNX and compare the two on `images`.

    The input is `images`, float32 (N, H, W, C) with pixels 0-255 and any N. Each output is named after the layer that
    makes it and gives probabilities (N, K).

    Args:
        model: A built model, on Keras's TensorFlow backend.
        path: The file to write.
        images: uint8 (n, H, W, C), at least 64 real faces, compared in batches of 1, 7 and 64.
        half: Store the weights in 16 bits, which halves the file; computations stay in 32 bits.
        overwrite: Whether an existing file may be replaced.

    Raises:
        MissingExtraError: TensorFlow, tf2onnx or onnx is not installed.
        MoueError: Keras runs on another backend, there are too few images, or results differ by more than 1e-5 (0.01
            with 16 bits); then no file is left.
    """
    if len(images) < max(BATCH_SIZES):
        raise MoueError(f"{len(images)} images to compare with", f"at least {max(BATCH_SIZES)}")
    outputs = _output_names(model)
    most = MAX_DIFFERENCE_HALF if half else MAX_DIFFERENCE
    with replacing(path, overwrite=overwrite) as temporary:
        convert(model, temporary)
        if half:
            store_as_half(temporary)
        difference = max(_difference(model, temporary, images[:size], outputs) for size in BATCH_SIZES)
        if not difference <= most:
            raise MoueError(
                f"the exported file differs from the Keras model by {difference:.2g}",
                f"at most {most:g}",
                "The export is not usable; please report it with the model's configuration.",
            )
    return ExportResult(Path(path), sha256_of(path), outputs, difference, sum(BATCH_SIZES))


def convert(model: keras.Model, path: Path) -> None:
    """Write a Keras model as ONNX, without comparing anything.

    Raises:
        MissingExtraError: TensorFlow or tf2onnx is not installed.
        MoueError: Keras runs on another backend.
    """
    try:
        import tensorflow as tf
        import tf2onnx
    except ImportError as error:
        raise MissingExtraError(error.name or "tf2onnx", "train") from error
    if keras.backend.backend() != "tensorflow":
        raise MoueError(
            f"Keras runs on {keras.backend.backend()}",
            "TensorFlow, which the export goes through",
            "Export in a new process without KERAS_BACKEND: moue export RUN fer2013.csv",
        )
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="images")]
    function = tf.function(lambda images: _predict(model, images), input_signature=signature)
    with without_warnings(), silenced_stderr():
        tf2onnx.convert.from_function(function, input_signature=signature, opset=_OPSET, output_path=str(path))


def store_as_half(path: Path) -> None:
    """Rewrite an ONNX file with its large weights in 16 bits, each followed by a Cast to 32.

    ONNX Runtime does the casts once, when it loads the file. So the model is as fast as before, even on processors
    without 16-bit arithmetic, and outputs differ only because the weights are rounded.
    """
    import onnx

    model = onnx.load(str(path))
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _MIN_HALVED:
            continue
        stored = f"{tensor.name}__half"
        casts.append(onnx.helper.make_node("Cast", [stored], [tensor.name], to=onnx.TensorProto.FLOAT))
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
    # ONNX requires nodes in topological order.
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Silence converters: tf2onnx logs at level INFO to the root logger and warns about NumPy."""
    import logging  # noqa: PLC0415

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _difference(
    model: keras.Model,
    path: Path,
    images: NDArray[np.uint8],
    outputs: tuple[str, ...],
) -> float:
    """Return the largest difference over all outputs."""
    import onnxruntime

    pixels = images.astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    exported = session.run(list(outputs), {session.get_inputs()[0].name: pixels})
    original = _predict(model, pixels)
    pairs = zip(exported, (np.asarray(original[name]) for name in outputs), strict=True)
    return max(float(np.abs(found - expected).max()) for found, expected in pairs)


def _predict(model: keras.Model, images: NDArray[np.float32]) -> dict[str, keras.KerasTensor]:
    """Return the model's outputs by name, even if it has only one."""
    outputs = model(images, training=False)
    return outputs if isinstance(outputs, dict) else {_output_names(model)[0]: outputs}


def _output_names(model: keras.Model) -> tuple[str, ...]:
    # A keras.Sequential has one output and no output names.
    return tuple(getattr(model, "output_names", None) or [model.layers[-1].name])
