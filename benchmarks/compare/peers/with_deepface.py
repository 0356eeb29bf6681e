"""DeepFace (PyPI deepface); it downloads its weights at the first call."""

from __future__ import annotations

from typing import Any

import worker


class DeepFacePeer:
    """DeepFace with OpenCV's detector, its default."""

    package = "deepface"

    def __init__(self) -> None:
        from deepface import DeepFace  # type: ignore[import-not-found]

        self._analyze = DeepFace.analyze

    def face(self, path: str) -> dict[str, float]:
        """See `worker.Peer`."""
        return self._shares(self._predict(path, "skip")[0])

    def find(self, path: str) -> list[tuple[list[float], dict[str, float]]] | None:
        """See `worker.Peer`."""
        try:
            faces = self._predict(path, "opencv")
        except ValueError:  # no face
            return []
        return [([float(face["region"][side]) for side in "xywh"], self._shares(face)) for face in faces]

    def _predict(self, path: str, detector: str) -> list[dict[str, Any]]:
        options = {"actions": ["emotion"], "detector_backend": detector, "silent": True}
        faces: list[dict[str, Any]] = self._analyze(path, enforce_detection=detector != "skip", **options)
        return faces

    @staticmethod
    def _shares(face: dict[str, Any]) -> dict[str, float]:
        return {name: float(share) / 100 for name, share in face["emotion"].items()}


if __name__ == "__main__":
    worker.main(DeepFacePeer)
