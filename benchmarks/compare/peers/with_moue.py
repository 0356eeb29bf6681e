"""moue: its main output `expression`, with its own detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import worker

if TYPE_CHECKING:
    from moue.recognition.face_result import FaceResult


class Moue:
    """moue as its documentation shows it, with one thread."""

    package = "moue"
    head = "expression"

    def __init__(self) -> None:
        from moue.classifier.classifier import Classifier
        from moue.faces import make_detector
        from moue.media.decode import decode
        from moue.recognition.analyzer import Analyzer

        self._decode = decode
        self._classifier = Classifier.load(threads=1)
        self._analyzer = Analyzer(self._classifier, make_detector("own"))

    def face(self, path: str) -> dict[str, float]:
        """See `worker.Peer`."""
        image = self._decode(path).image
        if image is None:
            raise ValueError(path)
        shares = self._classifier.predict_proba([image], head=self.head)[0]
        return dict(zip(self._classifier.class_names, map(float, shares), strict=True))

    def find(self, path: str) -> list[tuple[list[float], dict[str, float]]] | None:
        """See `worker.Peer`."""

        def to_pair(face: FaceResult) -> tuple[list[float], dict[str, float]]:
            return list(face.box), face.probabilities

        return [to_pair(face) for face in self._analyzer.analyze(path).faces]


if __name__ == "__main__":
    worker.main(Moue)
