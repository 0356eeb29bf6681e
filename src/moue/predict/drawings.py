"""The drawings of a run: images, and videos with their timelines."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Self

from moue.drawing.draw import draw, save_drawing
from moue.errors import MissingExtraError
from moue.files import refuse_existing
from moue.media.decode import DEFAULT_LIMITS, decode
from moue.media.urls import decode_address, is_address
from moue.output.timeline_plot import plot_timeline
from moue.output.video_writer import AnnotatedVideo
from moue.predict.jobs import timeline_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.media.video import Video
    from moue.output.csv_run import CsvRun
    from moue.recognition.frame_result import FrameResult
    from moue.recognition.image_result import ImageResult
    from moue.recognition.timeline import Timeline


@dataclasses.dataclass(frozen=True)
class DrawingChoices:
    """How drawings are made.

    Attributes:
        labels: What is drawn, as for `moue.drawing.draw.draw`: "name", "emoji" or "both".
        overwrite: Replace existing files.
        run: The table of a run that can be resumed; its own unfinished drawing is always replaced.
    """

    labels: str = "name"
    overwrite: bool = False
    run: CsvRun | None = None

    def begin(self, target: Path, *more: Path) -> bool:
        """Note in the run's journal that it is about to write files, and return whether they may be replaced.

        Raises:
            MoueError: a file exists and may not be replaced.
        """
        overwrite = self.overwrite or (self.run is not None and self.run.was_drawing(target))
        for path in (target, *more):
            refuse_existing(path, overwrite=overwrite)
        if self.run is not None:
            self.run.begin_drawing(target)
        return overwrite


def draw_image(result: ImageResult, target: Path, choices: DrawingChoices) -> str:
    """Draw an image's result, if the image could be read.

    Returns:
        Why it was not drawn although it could be read before; otherwise empty.

    Raises:
        MoueError: `target` exists and may not be replaced, or cannot be written.
    """
    if result.status.value not in ("ok", "no_face"):
        return ""
    # Images are not kept until their results are ready, so those at an address are fetched again.
    fetched = is_address(result.file)
    decoded = decode_address(result.file, DEFAULT_LIMITS, allowed=True) if fetched else decode(result.file)
    if decoded.image is None or (decoded.width, decoded.height) != (result.width, result.height):
        return "not drawn, since the image has gone or changed"
    drawn = draw(decoded.image, result, labels=choices.labels)
    save_drawing(drawn, target, overwrite=choices.begin(target))
    return ""


class VideoDrawing:
    """The drawings of one video: the video with its predictions, and the timeline; for use in a ``with``.

    Args:
        video: The video; its sound is kept if PyAV is installed. Closed if an error is raised.
        target: The video to write.
        timeline: The timeline of the video; drawn when the video has ended.
        fps: Analyzed frames per second.
        choices: How to draw.
        wrote: Called with each file that was written.
        note: Called with a message about what could not be drawn.

    Raises:
        MoueError: a file exists and may not be replaced.
    """

    def __init__(  # noqa: PLR0913 (what to draw, how, and two callbacks)
        self,
        video: Video,
        target: Path,
        timeline: Timeline,
        *,
        fps: float,
        choices: DrawingChoices,
        wrote: Callable[[Path], None],
        note: Callable[[str], None],
    ) -> None:
        self._wrote, self._note = wrote, note
        self._timeline, self._plot = timeline, timeline_of(target)
        self._title = os.path.basename(video.name)  # noqa: PTH119 (also addresses)
        try:
            self._overwrite = choices.begin(target, self._plot)
            self._video = AnnotatedVideo(
                target, fps=fps, overwrite=self._overwrite, labels=choices.labels, sound=video.path
            )
        except BaseException:
            video.close()
            raise

    def add(self, image: NDArray[np.uint8], result: FrameResult) -> None:
        """Draw a frame, uint8 (H, W, 3) RGB, as `AnnotatedVideo.add` does."""
        self._video.add(image, result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._video.close()
        if self._video.num_frames:
            self._wrote(self._video.path)
        if not self._timeline.people():
            return
        try:
            self._wrote(plot_timeline(self._timeline, self._plot, title=self._title, overwrite=self._overwrite))
        except MissingExtraError as error:
            self._note(f"no timeline: {error.came}; {error.fix}")
