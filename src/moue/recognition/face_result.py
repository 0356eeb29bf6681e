"""`FaceResult` and `TrackedFace`: one face of an image or of a frame, with its answer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moue.faces.face import Face


@dataclasses.dataclass(frozen=True, repr=False)
class FaceResult:
    """One face.

    Attributes:
        box: (x, y, width, height) in pixels of the upright image; it may reach over the image's border.
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
        found = face.to_dict()
        points = found["landmarks"]
        return cls(
            box=tuple(found["box"]),
            **_answer(probabilities, unsure_below),
            landmarks=None if points is None else tuple((x, y) for x, y in points),
            face_score=found["face_score"],
        )

    @property
    def label(self) -> str:
        """The class and its confidence in a few letters; a question mark says that the answer is unsure."""
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
    """One face in a frame, followed from frame to frame; `emotion` to `unsure` are smoothed over time.

    Attributes:
        track_id: Number of the person, 1 or more; it stays the same unless the face is lost for longer than stated.
        raw_emotion: The class that this frame alone would be given.
        raw_confidence: Its calibrated probability in this frame alone, 0-1.
    """

    track_id: int = 0
    raw_emotion: str = ""
    raw_confidence: float = 0.0

    @classmethod
    def of_track(
        cls, face: FaceResult, track_id: int, probabilities: dict[str, float], unsure_below: float
    ) -> TrackedFace:
        """Return a frame's face with the probabilities that hold for the person over time."""
        return cls(
            box=face.box,
            **_answer(probabilities, unsure_below),
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


def _answer(probabilities: dict[str, float], unsure_below: float) -> dict[str, Any]:
    emotion = max(probabilities, key=probabilities.__getitem__)
    confidence = probabilities[emotion]
    unsure = confidence < unsure_below
    return {"emotion": emotion, "confidence": confidence, "probabilities": probabilities, "unsure": unsure}
