"""The callbacks through which `moue.predict.predict` reports what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.recognition.analyzer import Analyzer
    from moue.recognition.image_result import ImageResult
    from moue.recognition.timeline import Timeline


class Listener:
    """Callbacks of a run; they do nothing unless a subclass overrides them.

    All are called from the thread that called `predict`. On a cluster, `note` is also called from another thread.
    """

    def began(self, analyzer: Analyzer) -> None:
        """The model and the detector are loaded."""

    def progress(self, title: str, done: int, total: int | None) -> None:
        """`done` of `total` images, or frames of the video `title`, are done; `total` is None if unknown."""

    def result(self, result: ImageResult) -> None:
        """An image or a frame of a video has been analyzed."""

    def video_ended(self, file: str, timeline: Timeline, class_names: Sequence[str]) -> None:
        """A video has ended, or could not be opened; `timeline` sums up its people."""

    def failed(self, file: str, message: str) -> None:
        """A file has no result, or only an incomplete one."""

    def note(self, text: str) -> None:
        """Something is worth knowing."""

    def wrote(self, path: Path) -> None:
        """A file has been written."""
