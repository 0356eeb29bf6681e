"""`FrameResult`: what `analyze_stream` returns for a frame of a video, a camera or a stream."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError, MoueError
from moue.media.decode import Status
from moue.recognition.image_result import ImageResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from moue.recognition.face_result import TrackedFace


@dataclasses.dataclass(frozen=True, repr=False)
class FrameResult(ImageResult):
    """One frame of a video, a camera or a stream: an `ImageResult` with a time.

    Attributes:
        file: The path of the video as it was given, the address without user name and password, or ``"camera 0"``.
        status: As `ImageResult.status`; ``"unreadable"`` in the last result of a video that breaks off.
        faces: The faces, the most confident first, each with its person's number.
        frame: Number of the frame in the video, from 0; skipped frames are counted. None if the video could not be
            opened.
        time_s: When the frame is shown, in seconds from the video's beginning; for a camera, since it was opened.
        is_cut: Whether a new scene begins with this frame, so that all people have new numbers.
        pixels: The frame, if `analyze_stream` was called with `keep_frames`.
    """

    faces: tuple[TrackedFace, ...] = ()
    frame: int | None = None
    time_s: float | None = None
    is_cut: bool = False

    @property
    def _name(self) -> str:
        return self.file if self.time_s is None else f"{self.file} at {self.time_s:.2f} s"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values: those of `ImageResult.to_dict`, frame and time_s."""
        about = super().to_dict()
        time_s = None if self.time_s is None else round(self.time_s, 3)
        return {"file": about.pop("file"), "frame": self.frame, "time_s": time_s, **about}

    def to_rows(self, class_names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """As `ImageResult.to_rows`, with frame, time_s and track_id."""
        rows = super().to_rows(class_names)
        for number, row in enumerate(rows):
            row["frame"], row["time_s"] = self.frame, self.time_s
            row["track_id"] = self.faces[number].track_id if self.faces else None
        return rows

    def upright_pixels(self) -> NDArray[np.uint8]:
        """Return the frame, uint8 (H, W, 3) RGB: `pixels`.

        Raises:
            MoueError: the frame was not kept.
        """
        if self.pixels is None:
            raise MoueError(
                f"the pixels of {self._name} were not kept",
                "analyze_stream(..., keep_frames=True)",
                "Or pass the frame: result.plot(frame).",
            )
        return self.pixels

    def _can_plot(self) -> bool:
        return self.pixels is not None

    @classmethod
    def of(
        cls,
        image: ImageResult,
        faces: tuple[TrackedFace, ...],
        **fields: Any,  # noqa: ANN401 (the fields' own types)
    ) -> FrameResult:
        """Return the result of an image as a result of a frame.

        Args:
            image: The result of `analyze` for the frame.
            faces: Its faces, tracked and smoothed.
            fields: `file`, `frame`, `time_s` and `is_cut`, and other fields that differ.
        """
        about = {field.name: getattr(image, field.name) for field in dataclasses.fields(ImageResult)}
        return cls(**{**about, "faces": faces, **fields})

    @classmethod
    def without_frames(cls, file: str, error: MoueError) -> FrameResult:
        """Return the single result of a video that cannot be read, with the reason and, if it has one, its status."""
        message = error.came.removeprefix(f"{file} ")
        if isinstance(error, MissingExtraError):
            message = f"{message}; {error.fix}"
        return cls(file, getattr(error, "status", Status.UNSUPPORTED), message=message)
