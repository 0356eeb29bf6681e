"""ONNX files that compute in 8 bits, calibrated on faces of the training split."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.preprocess import prepare
from moue.classifier.runtime import open_session
from moue.errors import MissingExtraError, MoueError
from moue.training.export_format import INT8, Format, Source
from moue.training.export_onnx import without_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx
    import onnxruntime
    from numpy.typing import NDArray

_NUM_CALIBRATION_FACES: Final = 512
_BATCH_SIZE: Final = 64
_FIX: Final = "Report it with the model's description."


def quantize(source: Source, path: Path) -> None:
    """Write a model as an ONNX file whose convolutions compute in 8 bits.

    Their scales come from 512 faces of the training split, drawn with a fixed seed. Everything after them stays in 32
    bits: the heads and `expression`, which takes logarithms of small probabilities. The weights use 7 of the 8 bits,
    because processors without VNNI overflow with 8.

    Raises:
        MissingExtraError: onnx is not installed.
        MoueError: there are no faces to calibrate on, or no convolutions.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx", "train") from error
    if source.training is None or not len(source.training):
        raise MoueError(
            "no faces to calibrate 8 bits on", "data with a training split", "Give it: moue export MODEL DATA"
        )
    model = onnx.load(str(source.onnx))
    _widen(model)
    if not any(node.op_type == "Conv" for node in model.graph.node):
        raise MoueError(f"{source.onnx} has no convolutions", "a model with convolutions, which compute in 8 bits")
    # A smaller training split is repeated, because all batches must have the same size.
    drawn = np.resize(np.random.default_rng(0).permutation(len(source.training)), _NUM_CALIBRATION_FACES)
    faces = prepare(list(source.training[drawn]), source.spec.input)
    with tempfile.TemporaryDirectory() as work, without_warnings(), contextlib.redirect_stdout(io.StringIO()):
        whole = Path(work) / "whole.onnx"
        whole.write_bytes(model.SerializeToString())
        quantize_static(
            str(whole),
            str(path),
            _Faces(model.graph.input[0].name, faces),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,  # one bright pixel should not widen every scale
        )


class _Faces:
    """Batches of faces, in the interface that ONNX Runtime's calibration expects."""

    def __init__(self, name: str, faces: NDArray[np.float32]) -> None:
        self._batches: Iterator[dict[str, Any]] = (
            {name: faces[start : start + _BATCH_SIZE]} for start in range(0, len(faces), _BATCH_SIZE)
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)

    def __iter__(self) -> _Faces:
        return self

    def __next__(self) -> dict[str, Any]:
        return next(self._batches)


def _widen(model: onnx.ModelProto) -> None:
    """Undo `store_as_half`: 16-bit weights that a Cast follows become 32-bit weights."""
    from onnx import numpy_helper

    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]:
        tensor = stored[node.input[0]]
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), node.output[0]))
        model.graph.node.remove(node)


def _write(source: Source, path: Path, weights: str) -> None:  # noqa: ARG001 (only one kind of weights)
    quantize(source, path)


def _open(path: Path) -> onnxruntime.InferenceSession:
    return open_session(path.read_bytes(), path, threads=1, fix=_FIX)


FORMAT: Final = Format(
    name="onnx",
    title="ONNX",
    suffix=".onnx",
    weights=(INT8,),
    write=_write,
    open=_open,
    files={"sha256": ".onnx"},
)
