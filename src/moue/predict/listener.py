"""Whom `moue.predict.predict` tells what it does: a program that shows it, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.recognition.analyzer import Analyzer
    from moue.recognition.image_result import ImageResult
    from moue.recognition.timeline import Timeline


class Listener:
    """Takes the reports of a run; each method does nothing until a subclass gives it something to do.

    All methods are called from the thread that called `predict`. On a cluster, `note` is also called from another one.
    """

    def began(self, analyzer: Analyzer) -> None:
        """The network and the detector are loaded."""

    def progress(self, title: str, done: int, total: int | None) -> None:
        """So many of the images, or of the frames of the video `title`, are done; None where the total is unknown."""

    def result(self, result: ImageResult) -> None:
        """An image or a frame of a video has been answered."""

    def video_ended(self, file: str, timeline: Timeline, class_names: Sequence[str]) -> None:
        """A video has ended, or could not be opened; `timeline` sums up who was seen in it."""

    def failed(self, file: str, message: str) -> None:
        """There is no answer, or no whole one, for a file."""

    def note(self, text: str) -> None:
        """Something is worth knowing."""

    def wrote(self, path: Path) -> None:
        """A file has been written."""
