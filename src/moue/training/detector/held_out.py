"""Scores a trained detector on held-out photographs and chooses its threshold."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.faces.face import Face, faces_from
from moue.faces.scoring import Tally
from moue.training.detector.compose import CONFIDENT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.faces import Detector
    from moue.training.detector.material import Material, Scene

MAX_FALSE: Final = 0.02
"""Most false boxes per photograph without a face that the chosen threshold may give."""

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(2, 20))


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Figures on held-out photographs.

    Attributes:
        num_faces: Faces that the teacher is confident of, on `num_peopled` photographs.
        num_peopled: Photographs with such faces.
        num_empty: Photographs in which the teacher detects nothing at all.
        rows: (threshold, faces found, false boxes beside people, false boxes on empty photographs), thresholds rising.
    """

    num_faces: int
    num_peopled: int
    num_empty: int
    rows: tuple[tuple[float, int, int, int], ...]

    @property
    def score_threshold(self) -> float:
        """The lowest threshold with at most `MAX_FALSE` false boxes for each empty photograph."""
        allowed = MAX_FALSE * self.num_empty
        return next((row[0] for row in self.rows if row[3] <= allowed), self.rows[-1][0])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the chosen threshold as JSON values."""
        keys = ("score_threshold", "found", "false_beside_people", "false_on_empty")
        rows = [dict(zip(keys, row, strict=True)) for row in self.rows]
        return {**dataclasses.asdict(self), "rows": rows, "score_threshold": self.score_threshold}


def measure(material: Material, detector: Detector) -> HeldOut:
    """Score a detector on all held-out photographs.

    Args:
        material: Photographs and what the teacher detects in them.
        detector: Made with a score_threshold of at most the lowest of `THRESHOLDS`.
    """
    people, empty = Tally(THRESHOLDS), Tally(THRESHOLDS)
    for scene in material.scenes:
        if not scene.held_out:
            continue
        if not len(scene.scores):
            empty.add((), detector.detect(_rgb(scene)))
        elif (confident := scene.scores >= CONFIDENT).any():
            boxes, ignored = scene.boxes[confident], scene.boxes[~confident]
            people.add(_faces(boxes), detector.detect(_rgb(scene)), ignored=_faces(ignored))
    rows = zip(people.rows(), empty.rows(), strict=True)
    return HeldOut(
        num_faces=people.num_faces,
        num_peopled=people.num_images,
        num_empty=empty.num_images,
        rows=tuple((threshold, hits, beside, false) for (threshold, hits, beside), (_, _, false) in rows),
    )


def _faces(boxes: NDArray[np.float32]) -> tuple[Face, ...]:
    return faces_from(boxes.tolist())


def _rgb(scene: Scene) -> NDArray[np.uint8]:
    return scene.image[..., None].repeat(3, axis=2)
