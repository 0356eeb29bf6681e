"""Boxes of faces: their overlap, merging to one box per face, and boxes of rotated images."""

from __future__ import annotations

from typing import Final

import numpy as np

from moue.faces.face import Face

# Two boxes are the same face if they share more than this part of their union, or of the smaller box.
MIN_IOU: Final = 0.3
MIN_PART: Final = 0.65


def overlap(face: Face, other: Face) -> tuple[float, float]:
    """Return the boxes' intersection over their union, and over the smaller of the two; 0-1 each."""
    width = min(face.x + face.width, other.x + other.width) - max(face.x, other.x)
    height = min(face.y + face.height, other.y + other.height) - max(face.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0, 0.0
    shared = width * height
    areas = face.width * face.height, other.width * other.height
    return shared / (sum(areas) - shared), shared / min(areas)


def merge(faces: list[Face]) -> list[Face]:
    """Merge the boxes from several views into one box per face, the most confident first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.face_score):
        if not any(_overlapping(face, other) for other in kept):
            kept.append(face)
    return kept


def turn_back(face: Face, turns: int, height: int, width: int) -> Face:
    """Return the place in an image of (height, width) of a face found in ``np.rot90(image, turns)``."""
    corners = np.array([[face.x, face.y], [face.x + face.width, face.y + face.height]])
    points = np.vstack([corners, np.zeros((0, 2)) if face.landmarks is None else face.landmarks])
    x, y = points[:, 0], points[:, 1]
    if turns % 4 == 1:
        x, y = width - y, x
    elif turns % 4 == 2:
        x, y = width - x, height - y
    elif turns % 4 == 3:
        x, y = y, height - x
    left, top = min(x[:2]), min(y[:2])
    landmarks = None if face.landmarks is None else np.stack([x[2:], y[2:]], axis=1).astype(np.float32)
    return Face(float(left), float(top), float(max(x[:2]) - left), float(max(y[:2]) - top), landmarks, face.face_score)


def _overlapping(face: Face, other: Face) -> bool:
    union, part = overlap(face, other)
    return union > MIN_IOU or part > MIN_PART
