"""The summary of a run of `moue.predict.predict`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclasses.dataclass
class Summary:
    """Counts of a run, and the files that it wrote.

    Attributes:
        statuses: Number of images with each status.
        emotions: Number of faces in images predicted as each class.
        failures: File and reason for each input without a result, or with an incomplete one.
        num_before: Images and videos that an interrupted run had finished.
        num_videos: Videos.
        num_whole_videos: Videos that could be read to their end.
        num_frames: Frames of videos that were analyzed.
        num_video_faces: Faces in these frames.
        num_people: People in the videos.
        num_drawn_images: Images drawn with their predictions.
        wrote: Tables, videos and timelines that were written.
        image_seconds: Wall time for images.
        video_seconds: Wall time for videos.
    """

    statuses: Counter[str] = dataclasses.field(default_factory=Counter)
    emotions: Counter[str] = dataclasses.field(default_factory=Counter)
    failures: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    num_before: int = 0
    num_videos: int = 0
    num_whole_videos: int = 0
    num_frames: int = 0
    num_video_faces: int = 0
    num_people: int = 0
    num_drawn_images: int = 0
    wrote: list[Path] = dataclasses.field(default_factory=list)
    image_seconds: float = 0.0
    video_seconds: float = 0.0

    @property
    def num_images(self) -> int:
        """Number of images."""
        return self.statuses.total()

    @property
    def num_faces(self) -> int:
        """Number of faces in images."""
        return self.emotions.total()

    @property
    def num_failed_images(self) -> int:
        """Number of images that could not be analyzed."""
        return self.num_images - self.statuses["ok"] - self.statuses["no_face"]

    @property
    def any_result(self) -> bool:
        """Whether any input has a result, from this run or from before an interruption."""
        return bool(self.num_images - self.num_failed_images + self.num_before + self.num_whole_videos)
