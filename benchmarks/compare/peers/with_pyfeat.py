"""py-feat (PyPI py-feat); it downloads its weights at the first call."""

from __future__ import annotations

from typing import Any

import worker


class Feat:
    """py-feat's Detector with its defaults."""

    package = "py-feat"

    def __init__(self) -> None:
        from feat import Detector  # type: ignore[import-not-found]

        self._detector = Detector(device="cpu")

    def face(self, path: str) -> dict[str, float]:
        """See `worker.Peer`; py-feat always detects the face, and returns nothing if it finds none."""
        faces = self._predict(path)
        return faces[0][1] if faces else {}

    def find(self, path: str) -> list[tuple[list[float], dict[str, float]]] | None:
        """See `worker.Peer`."""
        return self._predict(path)

    def _predict(self, path: str) -> list[tuple[list[float], dict[str, float]]]:
        found: Any = self._detector.detect([path], data_type="image", progress_bar=False)
        rows = zip(found.faceboxes.to_numpy(), found.emotions.to_dict("records"), strict=True)
        return [([float(side) for side in box[:4]], emotions) for box, emotions in rows if box[0] == box[0]]


if __name__ == "__main__":
    worker.main(Feat)
