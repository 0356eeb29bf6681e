"""Export of the trained detector to ONNX with 16-bit weights, compared with Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError
from moue.files import replacing
from moue.training.backend import keras
from moue.training.export_onnx import convert, store_as_half

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OUTPUTS: Final = ("score", "box", "landmarks")
MAX_DIFFERENCE: Final = 0.02
"""Largest change of a score, or of a position in units of 32 pixels, that 16-bit weights may cause."""


def export_detector(model: keras.Model, path: Path, canvases: NDArray[np.uint8], *, overwrite: bool = False) -> float:
    """Write a detector whose input may have any height and width that are multiples of 8.

    Args:
        model: A trained model of `build_detector`.
        path: The ONNX file.
        canvases: uint8 (n, H, W, 1) to compare on; boxes and landmarks are compared in cells with a face.
        overwrite: Replace an existing file.

    Returns:
        The largest difference between Keras and ONNX Runtime.

    Raises:
        MoueError: the two differ by more than `MAX_DIFFERENCE`; no file is left then.
    """
    import onnxruntime

    maps = model.output
    score = keras.layers.Activation("sigmoid", name="score")(maps["centre"])
    exported = keras.Model(model.input, {"score": score, "box": maps["box"], "landmarks": maps["landmarks"]})
    with replacing(path, overwrite=overwrite) as temporary:
        convert(exported, temporary)
        store_as_half(temporary)
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        pixels = canvases.astype(np.float32)
        outputs = dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"images": pixels}), strict=True))
        expected = {name: np.asarray(value) for name, value in exported(pixels, training=False).items()}
        faces = expected["score"][..., 0] > 0.5
        difference = float(np.abs(outputs["score"] - expected["score"]).max())
        for name in OUTPUTS[1:]:
            difference = max(difference, float(np.abs(outputs[name] - expected[name])[faces].max(initial=0)))
        if not difference <= MAX_DIFFERENCE:
            raise MoueError(
                f"the exported detector differs from Keras by {difference:.2g}", f"at most {MAX_DIFFERENCE}"
            )
    return difference
