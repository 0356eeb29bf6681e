"""`Face`, a detected face, and `Detector`, the interface of detectors."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Box: TypeAlias = Sequence[float]
    """x, y, width, height in pixels of the upright image."""


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One face in an image, in pixels of that image; (0, 0) is its upper left corner.

    Attributes:
        x: Left edge of the box, which may lie outside the image.
        y: Upper edge.
        width: Width of the box, above 0; it extends from chin to hairline and from ear to ear.
        height: Height of the box, above 0.
        landmarks: float32 (5, 2) x and y of right eye, left eye, nose tip, right and left corner of the mouth ("right"
            is the person's), or None if the detector gives none.
        face_score: The detector's confidence, 0-1.
    """

    x: float
    y: float
    width: float
    height: float
    landmarks: NDArray[np.float32] | None = None
    face_score: float = 1.0

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, self.width, self.height)
        if not all(map(math.isfinite, numbers)) or self.width <= 0 or self.height <= 0:
            raise MoueError(f"a face's box is {numbers}", "finite x, y and a width and height above 0")
        if self.landmarks is not None and np.shape(self.landmarks) != (5, 2):
            raise MoueError(f"a face's landmarks have shape {np.shape(self.landmarks)}", "(5, 2)")

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, width, height)."""
        return self.x, self.y, self.width, self.height

    def moved(self, scale: float = 1.0, dx: float = 0.0, dy: float = 0.0) -> Face:
        """Return the face as it lies in an image scaled by `scale` and then shifted by (`dx`, `dy`)."""
        landmarks = self.landmarks
        if landmarks is not None:
            landmarks = (landmarks * scale + (dx, dy)).astype(np.float32)
        x, y = self.x * scale + dx, self.y * scale + dy
        return Face(x, y, self.width * scale, self.height * scale, landmarks, self.face_score)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values: box, landmarks and face_score, coordinates to a hundredth of a pixel."""
        points = None if self.landmarks is None else [[round(float(v), 2) for v in point] for point in self.landmarks]
        return {
            "box": [round(value, 2) for value in self.box],
            "landmarks": points,
            "face_score": round(self.face_score, 4),
        }


class Detector(Protocol):
    """Anything that finds faces.

    Attributes:
        name: Its name in the registry and in results.
    """

    name: str

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return the faces of an image, the most confident first.

        Args:
            image: uint8 RGB (H, W, 3), upright; H and W of 1 or more.
        """
        ...


def faces_from(boxes: Sequence[Box]) -> tuple[Face, ...]:
    """Return a caller's boxes as faces.

    Raises:
        MoueError: a box is not four numbers, or its width or height is not above 0.
    """
    faces = []
    for number, box in enumerate(boxes):
        try:
            x, y, width, height = (float(value) for value in box)
        except (TypeError, ValueError) as error:
            fix = "For one face: boxes=[(x, y, width, height)]." if isinstance(box, int | float) else ""
            raise MoueError(f"boxes[{number}] is {box!r}", "four numbers: x, y, width, height", fix) from error
        faces.append(Face(x, y, width, height))
    return tuple(faces)
