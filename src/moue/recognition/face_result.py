"""`FaceResult` and `TrackedFace`: one face of an image or of a frame, with its prediction."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moue.faces.face import Face


@dataclasses.dataclass(frozen=True, repr=False)
class FaceResult:
    """The result for one face.

    Attributes:
        box: (x, y, width, height) in pixels of the upright image; it may extend beyond the image's border.
        emotion: The class with the highest probability.
        confidence: Its calibrated probability, 0-1.
        probabilities: Calibrated probability of each class, 0-1, in class order.
        unsure: Whether `confidence` is below the threshold `unsure_below`.
        landmarks: x and y of right eye, left eye, nose tip, right and left corner of the mouth (the person's right), or
            None if the detector gives none.
        face_score: The detector's confidence that this is a face, 0-1.
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
        """Join a detected face with the model's prediction."""
        detected = face.to_dict()
        points = detected["landmarks"]
        return cls(
            box=tuple(detected["box"]),
            **_fields_from(probabilities, unsure_below),
            landmarks=None if points is None else tuple((x, y) for x, y in points),
            face_score=detected["face_score"],
        )

    @property
    def label(self) -> str:
        """The class and its confidence; a question mark means that the prediction is unsure."""
        return f"{self.emotion}{'?' if self.unsure else ''} {self.confidence:.0%}"

    def __repr__(self) -> str:
        x, y, width, height = self.box
        return f"{type(self).__name__}({self.label} at x={x:.0f} y={y:.0f}, {width:.0f}x{height:.0f})"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        points = None if self.landmarks is None else [list(point) for point in self.landmarks]
        return {**dataclasses.asdict(self), "box": list(self.box), "landmarks": points}


@dataclasses.dataclass(frozen=True, repr=False)
class TrackedFace(FaceResult):
    """One face in a frame, tracked from frame to frame; `emotion` to `unsure` are smoothed over time.

    Attributes:
        track_id: Number of the person, 1 or more; it changes only if the face is lost for longer than the tracker
            keeps it.
        raw_emotion: The class predicted from this frame alone.
        raw_confidence: Its calibrated probability from this frame alone, 0-1.
    """

    track_id: int = 0
    raw_emotion: str = ""
    raw_confidence: float = 0.0

    @classmethod
    def of_track(
        cls, face: FaceResult, track_id: int, probabilities: dict[str, float], unsure_below: float
    ) -> TrackedFace:
        """Return a frame's face with the person's probabilities, smoothed over time."""
        return cls(
            box=face.box,
            **_fields_from(probabilities, unsure_below),
            landmarks=face.landmarks,
            face_score=face.face_score,
            track_id=track_id,
            raw_emotion=face.emotion,
            raw_confidence=face.confidence,
        )

    @property
    def label(self) -> str:
        """As `FaceResult.label`, with the person's number in front."""
        return f"#{self.track_id} {super().label}"


def _fields_from(probabilities: dict[str, float], unsure_below: float) -> dict[str, Any]:
    emotion = max(probabilities, key=probabilities.__getitem__)
    confidence = probabilities[emotion]
    unsure = confidence < unsure_below
    return {"emotion": emotion, "confidence": confidence, "probabilities": probabilities, "unsure": unsure}
