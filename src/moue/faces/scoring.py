"""How well a detector works: faces found and false boxes at each threshold, and the error of its landmarks."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MoueError
from moue.faces.boxes import overlap
from moue.faces.face import Face, faces_from
from moue.files import read_json
from moue.media.decode import decode
from moue.progress import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.faces.face import Detector
    from moue.progress import Progress

MIN_OVERLAP: Final = 0.4
"""Two boxes are the same face if their intersection over union reaches this, or if each holds the other's centre."""

THRESHOLDS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclasses.dataclass(frozen=True)
class LabelledImage:
    """An image file and the faces in it.

    Attributes:
        path: The file.
        faces: All faces that should be found.
        ignored: Faces that may be found or not, such as painted or blurred ones.
    """

    path: Path
    faces: tuple[Face, ...]
    ignored: tuple[Face, ...] = ()


@dataclasses.dataclass(frozen=True)
class DetectorScores:
    """The scores of a detector on labelled images.

    Attributes:
        detector: Its name.
        num_images: Number of images.
        num_faces: Number of labelled faces in them.
        found: (threshold, faces found, false boxes) for each threshold, in ascending order.
        landmark_error: Mean distance of its landmarks from the reference's, as a fraction of the face's size (the
            square root of its box's area); None without a reference or landmarks.
        num_landmarks: Number of faces in that mean.
        ms_per_image: Wall time of detection, without decoding.
    """

    detector: str
    num_images: int
    num_faces: int
    found: tuple[tuple[float, int, int], ...]
    landmark_error: float | None
    num_landmarks: int
    ms_per_image: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        keys = ("score_threshold", "found", "false_boxes")
        return {**dataclasses.asdict(self), "found": [dict(zip(keys, row, strict=True)) for row in self.found]}

    def to_json(self) -> str:
        """Return `to_dict` as JSON text on one line."""
        return json.dumps(self.to_dict())


class Tally:
    """Counts found faces and false boxes at several thresholds.

    Args:
        thresholds: Lowest scores that count, in ascending order.

    Attributes:
        num_images: Images so far.
        num_faces: Labelled faces in them.
    """

    def __init__(self, thresholds: Sequence[float]) -> None:
        self.num_images = 0
        self.num_faces = 0
        self._counts = {threshold: [0, 0] for threshold in thresholds}

    def add(self, labels: Sequence[Face], detections: Sequence[Face], *, ignored: Sequence[Face] = ()) -> None:
        """Count one image: its labelled faces, the detected faces, and faces that may be detected or not."""
        self.num_images += 1
        self.num_faces += len(labels)
        for threshold, count in self._counts.items():
            kept = [face for face in detections if face.face_score >= threshold]
            pairs, unmatched = pair_faces(labels, kept)
            count[0] += sum(pair is not None for pair in pairs)
            count[1] += sum(not any(same_face(face, kept[number]) for face in ignored) for number in unmatched)

    def rows(self) -> tuple[tuple[float, int, int], ...]:
        """Return (threshold, faces found, false boxes) for each threshold."""
        return tuple((threshold, hits, false) for threshold, (hits, false) in self._counts.items())


def same_face(one: Face, other: Face) -> bool:
    """Return whether two boxes show the same face."""
    return overlap(one, other)[0] >= MIN_OVERLAP or (_holds_centre(one, other) and _holds_centre(other, one))


def pair_faces(labels: Sequence[Face], detections: Sequence[Face]) -> tuple[list[int | None], list[int]]:
    """Pair labelled faces with the boxes of a detector.

    Args:
        labels: The labelled faces; each gets the box that overlaps it most.
        detections: The detected boxes.

    Returns:
        The position in `detections` for each labelled face, or None; and the positions without a label.
    """
    unmatched, pairs = list(range(len(detections))), []
    for label in labels:
        near = [number for number in unmatched if same_face(label, detections[number])]
        best = max(near, key=lambda number: overlap(label, detections[number])[0], default=None)
        pairs.append(best)
        if best is not None:
            unmatched.remove(best)
    return pairs, unmatched


def read_labels(path: Path) -> list[LabelledImage]:
    """Read a JSON list of images, each with ``file`` (beside the list), ``faces`` and optionally ``ignore``.

    Each face is an object with a ``box`` of x, y, width and height in pixels; ``ignore`` is a list of such boxes.

    Raises:
        MoueError: the file is missing or not such a list, or a box does not have four numbers.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise MoueError(f"{path} holds no list", "a JSON list of labelled images")
    images = []
    for number, entry in enumerate(entries):
        try:
            boxes = [face["box"] for face in entry["faces"]]
            name = path.parent / str(entry["file"])
            images.append(LabelledImage(name, faces_from(boxes), faces_from(entry.get("ignore", []))))
        except (AttributeError, KeyError, TypeError) as error:
            raise MoueError(
                f"{path}: entry {number} is not a labelled image ({error!r})",
                'objects like {"file": ..., "faces": [...]}',
            ) from error
    return images


def score_detector(
    detector: Detector,
    images: Sequence[LabelledImage],
    *,
    reference: Detector | None = None,
    progress: Progress = ignore_progress,
) -> DetectorScores:
    """Detect faces in all images and compare them with the labels.

    Args:
        detector: A detector with a low score_threshold; only the thresholds in `THRESHOLDS` above it can be scored.
        images: Labelled images.
        reference: A detector whose landmarks are taken as correct.
        progress: Called with the number of images done.

    Raises:
        MoueError: there are no images, or one cannot be read.
    """
    if not images:
        raise MoueError("there are no labelled images", "at least one")
    tally = Tally(THRESHOLDS)
    errors: list[float] = []
    seconds = 0.0
    for number, labelled in enumerate(images):
        decoded = decode(labelled.path)
        if decoded.image is None:
            raise MoueError(f"{labelled.path}: {decoded.message or decoded.status}", "an image")
        pixels = decoded.image if decoded.image.ndim == 3 else np.repeat(decoded.image[..., None], 3, axis=2)
        began = time.perf_counter()
        faces = detector.detect(pixels)
        seconds += time.perf_counter() - began
        tally.add(labelled.faces, faces, ignored=labelled.ignored)
        if reference is not None:
            errors += landmark_errors(reference.detect(pixels), faces)
        progress(number + 1, len(images))
    return DetectorScores(
        detector=detector.name,
        num_images=len(images),
        num_faces=tally.num_faces,
        found=tally.rows(),
        landmark_error=float(np.mean(errors)) if errors else None,
        num_landmarks=len(errors),
        ms_per_image=1e3 * seconds / len(images),
    )


def landmark_errors(reference: Sequence[Face], detections: Sequence[Face]) -> list[float]:
    """Return the mean distance of the five landmarks for each face that both have, as a fraction of its size."""
    errors = []
    for face, pair in zip(reference, pair_faces(reference, detections)[0], strict=True):
        other = None if pair is None else detections[pair].landmarks
        if face.landmarks is not None and other is not None:
            # Not as a fraction of the distance between the eyes: in profile it is close to 0.
            size = math.sqrt(face.width * face.height)
            errors.append(float(np.linalg.norm(face.landmarks - other, axis=1).mean()) / size)
    return errors


def _holds_centre(outer: Face, inner: Face) -> bool:
    x, y = inner.x + inner.width / 2, inner.y + inner.height / 2
    return outer.x <= x <= outer.x + outer.width and outer.y <= y <= outer.y + outer.height
