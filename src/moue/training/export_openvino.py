"""OpenVINO files, converted from the ONNX file by OpenVINO itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from moue.classifier import openvino
from moue.training.export_format import FP16, FP32, INT8, Format, Source
from moue.training.export_quantized import quantize


def _write(source: Source, path: Path, weights: str) -> None:
    """Write ``NAME.xml`` and ``NAME.bin``; weights stored in 16 bits in the ONNX file stay in 16 bits."""
    package = openvino.import_openvino()
    with tempfile.TemporaryDirectory() as work:
        onnx = source.onnx
        if weights == INT8:
            onnx = Path(work) / "quantized.onnx"
            quantize(source, onnx)
        # Not convert_model, which sends telemetry.
        package.save_model(package.Core().read_model(str(onnx)), str(path), compress_to_fp16=weights == FP16)


def _open(path: Path) -> openvino.OpenVinoSession:
    graph, content = (path.with_suffix(suffix).read_bytes() for suffix in (openvino.SUFFIX, openvino.WEIGHTS_SUFFIX))
    return openvino.OpenVinoSession(graph, content, path, threads=1, fix="Report it with the model's description.")


FORMAT: Final = Format(
    name=openvino.KEY,
    title="OpenVINO",
    suffix=openvino.SUFFIX,
    weights=(FP32, FP16, INT8),
    write=_write,
    open=_open,
    files={"sha256": openvino.SUFFIX, "weights_sha256": openvino.WEIGHTS_SUFFIX},
)
