"""LiteRT files, made from the Keras model by TensorFlow's converter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.classifier import litert
from moue.quiet import silenced_stderr
from moue.training.export_format import FP16, FP32, INT8, Format, Source
from moue.training.whole_network import load_whole, trace

if TYPE_CHECKING:
    from pathlib import Path

_FIX: Final = f"It has no signature {litert.SIGNATURE}: report it."


def _write(source: Source, path: Path, weights: str) -> None:
    """Write a ``.tflite`` file with one signature, "serving_default".

    With 8 bits, the weights are integers and each layer computes the scale of its input at run time, so no calibration
    is needed. LiteRT's alternative, scales that are fixed beforehand, also rounds the probabilities before `expression`
    takes their logarithms. That made the predictions useless.
    """
    function = trace(load_whole(source.model))
    import tensorflow as tf

    with silenced_stderr():
        # Without a module, the file would have no signature.
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], tf.Module())
        if weights != FP32:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == FP16:
            converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


def _open(path: Path) -> litert.LiteRtSession:
    return litert.LiteRtSession(path.read_bytes(), path, threads=1, fix=_FIX)


FORMAT: Final = Format(
    name=litert.KEY,
    title="LiteRT",
    suffix=litert.SUFFIX,
    weights=(FP32, FP16, INT8),
    write=_write,
    open=_open,
    files={"sha256": litert.SUFFIX},
)
