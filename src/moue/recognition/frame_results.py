"""What `analyze_stream` answers: `FrameResult`, one for each frame looked at, with a `TrackedFace` for each face.

Fields of the same name mean the same as in `moue.recognition.results`, and belong to the same format and version.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MissingExtraError
from moue.media.decode import Status
from moue.recognition.results import FaceResult, ImageResult, Timings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.errors import MoueError

_NO_TIMINGS: Final = Timings()


@dataclasses.dataclass(frozen=True)
class TrackedFace(FaceResult):
    """One face in a frame, known again from frame to frame; `emotion` to `unsure` are smoothed over time.

    Attributes:
        track_id: Number of the person, 1 or more; the same as long as the face was not lost for longer than stated.
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
        emotion = max(probabilities, key=probabilities.__getitem__)
        confidence = probabilities[emotion]
        return cls(
            box=face.box,
            emotion=emotion,
            confidence=confidence,
            probabilities=probabilities,
            unsure=confidence < unsure_below,
            landmarks=face.landmarks,
            face_score=face.face_score,
            track_id=track_id,
            raw_emotion=face.emotion,
            raw_confidence=face.confidence,
        )


@dataclasses.dataclass(frozen=True)
class FrameResult:
    """One frame of a video, a camera or a stream.

    Attributes:
        file: The video's path as it was given, the address without user name and password, or ``"camera 0"``.
        status: As `ImageResult.status`; ``"unreadable"`` in the last result of a video that breaks off.
        frame: Number of the frame in the video, from 0; frames that were left out are counted. None where the video
            could not be opened.
        time_s: When the frame is shown, in seconds from the video's beginning; of a camera, since it was opened.
        width: Pixels of the upright frame; 0 if unknown.
        height: As `width`.
        faces: The faces, the surest first.
        detector: What looked for faces.
        message: What was wrong, or worth knowing; may be empty.
        timings: How long it took; `decode_ms` is that of reading the frame and of those left out before it.
    """

    file: str
    status: Status
    frame: int | None = None
    time_s: float | None = None
    width: int = 0
    height: int = 0
    faces: tuple[TrackedFace, ...] = ()
    detector: str = ""
    message: str = ""
    timings: Timings = _NO_TIMINGS

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values: those of `ImageResult.to_dict`, frame and time_s."""
        about = self._as_image().to_dict()
        time_s = None if self.time_s is None else round(self.time_s, 3)
        return {"file": about.pop("file"), "frame": self.frame, "time_s": time_s, **about}

    def rows(self, class_names: Sequence[str]) -> list[dict[str, Any]]:
        """Return one flat row for each face, or one with the status; keys as `moue.recognition.results.columns`."""
        rows = self._as_image().rows(class_names)
        for number, row in enumerate(rows):
            row["frame"], row["time_s"] = self.frame, self.time_s
            row["track_id"] = self.faces[number].track_id if self.faces else None
        return rows

    def _as_image(self) -> ImageResult:
        return ImageResult(
            file=self.file,
            status=self.status,
            width=self.width,
            height=self.height,
            faces=self.faces,
            detector=self.detector,
            message=self.message,
            timings=self.timings,
        )


def frame_of(image: ImageResult, faces: tuple[TrackedFace, ...], **fields: Any) -> FrameResult:  # noqa: ANN401
    """Return a picture's result as that of a frame.

    Args:
        image: What `analyze` says of the frame.
        faces: Its faces, tracked and smoothed.
        fields: `file`, `frame` and `time_s`, and what else differs.
    """
    about: dict[str, Any] = {
        "status": image.status,
        "width": image.width,
        "height": image.height,
        "detector": image.detector,
        "message": image.message,
        "timings": image.timings,
    }
    return FrameResult(faces=faces, **{**about, **fields})


def unreadable(file: str, message: str, frame: int | None = None, time_s: float | None = None) -> FrameResult:
    """Return the result that says why there is no (further) frame."""
    return FrameResult(file, Status.UNREADABLE, frame, time_s, message=message)


def without_frames(file: str, error: MoueError) -> FrameResult:
    """Return the single result of a video that cannot be had, with the reason and, if the error has one, its status."""
    status = getattr(error, "status", Status.UNSUPPORTED)
    message = error.came.removeprefix(f"{file} ")
    if isinstance(error, MissingExtraError):
        message = f"{message}; {error.fix}"
    return FrameResult(file, status, message=message)
