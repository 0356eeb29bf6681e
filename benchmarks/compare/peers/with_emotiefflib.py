"""EmotiEffLib (PyPI emotiefflib with onnxruntime); it downloads its weights, and has no detector."""

from __future__ import annotations

from typing import Any

import worker


class EmotiEff:
    """EmotiEffLib's default network of eight classes."""

    package = "emotiefflib"

    def __init__(self) -> None:
        import cv2
        from emotiefflib.facial_analysis import EmotiEffLibRecognizer  # type: ignore[import-not-found]

        self._read: Any = cv2.imread
        self._recognizer = EmotiEffLibRecognizer(engine="onnx", model_name="enet_b0_8_best_vgaf", device="cpu")

    def face(self, path: str) -> dict[str, float]:
        """See `worker.Peer`."""
        _, scores = self._recognizer.predict_emotions(self._read(path)[..., ::-1], logits=False)
        return {self._recognizer.idx_to_emotion_class[k].lower(): float(share) for k, share in enumerate(scores[0])}

    def find(self, path: str) -> None:
        """Return None: it has no detector."""


if __name__ == "__main__":
    worker.main(EmotiEff)
