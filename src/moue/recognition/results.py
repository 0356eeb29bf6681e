"""What `analyze` answers: `ImageResult`, one for each picture, with a `FaceResult` for each face."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moue.faces.face import Face
    from moue.media.decode import Status

FORMAT: Final = "moue-results"
VERSION: Final = 1
"""Raised when a field changes its meaning or goes; new fields may come without."""


@dataclasses.dataclass(frozen=True)
class FaceResult:
    """One face.

    Attributes:
        box: (x, y, width, height) in pixels of the upright picture; it may reach over the picture's border.
        emotion: The class with the highest probability.
        confidence: Its calibrated probability, 0-1.
        probabilities: Calibrated probability of each class, 0-1, in class order.
        unsure: Whether `confidence` is below the stated threshold.
        landmarks: x and y of right eye, left eye, nose tip, right and left corner of the mouth (the person's right), or
            None where the detector gives none.
        face_score: How sure the detector is that this is a face, 0-1.
    """

    box: tuple[float, float, float, float]
    emotion: str
    confidence: float
    probabilities: dict[str, float]
    unsure: bool = False
    landmarks: tuple[tuple[float, float], ...] | None = None
    face_score: float = 1.0

    @classmethod
    def of(cls, face: Face, probabilities: dict[str, float], unsure_below: float) -> FaceResult:
        """Join what was detected with what the network answers."""
        emotion = max(probabilities, key=probabilities.__getitem__)
        confidence = probabilities[emotion]
        found = face.to_dict()
        points = found["landmarks"]
        return cls(
            box=tuple(found["box"]),
            emotion=emotion,
            confidence=confidence,
            probabilities=probabilities,
            unsure=confidence < unsure_below,
            landmarks=None if points is None else tuple((x, y) for x, y in points),
            face_score=found["face_score"],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        points = None if self.landmarks is None else [list(point) for point in self.landmarks]
        return {**dataclasses.asdict(self), "box": list(self.box), "landmarks": points}


@dataclasses.dataclass(frozen=True)
class Timings:
    """Milliseconds of wall time; work of several pictures at once is shared out among them.

    Attributes:
        decode_ms: Reading and decoding the file.
        detection_ms: Finding faces.
        preprocess_ms: Cutting them out.
        inference_ms: Naming the expressions.
    """

    decode_ms: float = 0.0
    detection_ms: float = 0.0
    preprocess_ms: float = 0.0
    inference_ms: float = 0.0


@dataclasses.dataclass(frozen=True)
class ImageResult:
    """One picture.

    Attributes:
        file: The path as it was given; empty for bytes and pixels.
        status: ``"ok"`` where there is a face, ``"no_face"`` where there is none; ``"empty"``, ``"unreadable"``,
            ``"too_large"``, ``"not_found"``, ``"unsupported"`` where the picture could not be had; ``"failed"`` where
            moue itself went wrong.
        width: Pixels of the upright picture; 0 if unknown.
        height: As `width`.
        faces: The faces, the surest first.
        detector: What looked for faces: ``"yunet"``, ``"haar"``, ``"none"``, or ``"given"`` for the caller's boxes.
        message: What was wrong, or worth knowing; may be empty.
        timings: How long it took.
    """

    file: str
    status: Status
    width: int = 0
    height: int = 0
    faces: tuple[FaceResult, ...] = ()
    detector: str = ""
    message: str = ""
    timings: Timings = Timings()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "file": self.file,
            "status": str(self.status),
            "width": self.width,
            "height": self.height,
            "detector": self.detector,
            "faces": [face.to_dict() for face in self.faces],
            "message": self.message,
            "timings": {name: round(value, 2) for name, value in dataclasses.asdict(self.timings).items()},
        }

    def rows(self, class_names: Sequence[str]) -> list[dict[str, Any]]:
        """Return one flat row for each face, or a single row with the status; the keys are those of `columns`."""
        common = {
            "file": self.file,
            "status": str(self.status),
            "width": self.width or None,
            "height": self.height or None,
            "num_faces": len(self.faces),
            "detector": self.detector,
        }
        empty = dict.fromkeys(columns(class_names))
        if not self.faces:
            return [{**empty, **common, "message": self.message}]
        return [
            {
                **empty,
                **common,
                "face": number,
                **dict(zip(("x", "y", "face_width", "face_height"), face.box, strict=True)),
                "face_score": face.face_score,
                "emotion": face.emotion,
                "confidence": face.confidence,
                "unsure": face.unsure,
                **{f"prob_{name}": face.probabilities.get(name) for name in class_names},
                "message": self.message,
            }
            for number, face in enumerate(self.faces)
        ]


def columns(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a row's fields, in order."""
    return (
        *("file", "status", "width", "height", "num_faces", "detector", "face"),
        *("x", "y", "face_width", "face_height", "face_score", "emotion", "confidence", "unsure"),
        *(f"prob_{name}" for name in class_names),
        *("message", "frame", "time_s", "track_id"),  # the last three are those of videos, and empty for pictures
    )


def to_frame(results: Iterable[ImageResult], class_names: Sequence[str]) -> Any:  # noqa: ANN401 (pandas is optional)
    """Return a pandas DataFrame with one row for each face, or for a picture without one, as `ImageResult.rows`.

    Raises:
        MoueError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MoueError("pandas is not installed", fix="pip install pandas") from error
    rows = [row for result in results for row in result.rows(class_names)]
    return pd.DataFrame(rows, columns=list(columns(class_names)))
