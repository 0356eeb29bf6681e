"""What `moue predict --annotate` draws: pictures, and videos with their timelines."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Self

from moue.cli import output
from moue.errors import MissingExtraError
from moue.files import refuse_existing
from moue.output.draw import draw, save_drawing
from moue.predict.jobs import timeline_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.media.video import Video
    from moue.output.tables import CsvRun
    from moue.recognition.frame_results import FrameResult
    from moue.recognition.results import ImageResult
    from moue.recognition.timeline import Timeline


@dataclasses.dataclass(frozen=True)
class DrawingChoices:
    """How drawings are made.

    Attributes:
        emoji: Draw small faces in place of names.
        overwrite: Replace existing files.
        run: The table that resumes after an interruption; its own unfinished drawing is replaced in any case.
    """

    emoji: bool = False
    overwrite: bool = False
    run: CsvRun | None = None

    @property
    def labels(self) -> str:
        """As `moue.output.draw.draw` takes them."""
        return "emoji" if self.emoji else "name"

    def begin(self, target: Path, *more: Path) -> bool:
        """Return whether files may be replaced, after noting in the run's journal that they are about to be its own.

        Raises:
            MoueError: one exists and may not be replaced.
        """
        overwrite = self.overwrite or (self.run is not None and self.run.was_drawing(target))
        for path in (target, *more):
            refuse_existing(path, overwrite=overwrite)
        if self.run is not None:
            self.run.begin_drawing(target)
        return overwrite


def draw_picture(result: ImageResult, target: Path, choices: DrawingChoices) -> None:
    """Draw a picture's result, if the picture could be read.

    Raises:
        MoueError: `target` exists and may not be replaced, or cannot be written.
    """
    from moue.media.decode import DEFAULT_LIMITS, decode  # noqa: PLC0415
    from moue.media.urls import decode_address, is_address  # noqa: PLC0415 (most runs draw nothing)

    if result.status.value not in ("ok", "no_face"):
        return
    # Pictures are not kept until their faces are named, so what was fetched is fetched again.
    fetched = is_address(result.file)
    decoded = decode_address(result.file, DEFAULT_LIMITS, allowed=True) if fetched else decode(result.file)
    if decoded.image is None or (decoded.width, decoded.height) != (result.width, result.height):
        output.note(f"{result.file}: not drawn, the picture has gone or changed meanwhile")
        return
    drawn = draw(decoded.image, result, labels=choices.labels)
    save_drawing(drawn, target, overwrite=choices.begin(target))


class VideoDrawing:
    """What is drawn of one video: the video with the answers, and the timeline; for use in a ``with``.

    Args:
        video: The video; closed if an error is raised.
        target: The ``.mp4`` to be.
        timeline: What is seen of the video's people up to the end.
        fps: Frames a second that are looked at.
        choices: How to draw.

    Raises:
        MoueError: a file exists and may not be replaced.
    """

    def __init__(self, video: Video, target: Path, timeline: Timeline, *, fps: float, choices: DrawingChoices) -> None:
        from moue.output.video_writer import AnnotatedVideo  # noqa: PLC0415 (most runs draw no video)

        self._timeline, self._plot = timeline, timeline_of(target)
        self._title = os.path.basename(video.name)  # noqa: PTH119 (also addresses)
        try:
            self._overwrite = choices.begin(target, self._plot)
            self._video = AnnotatedVideo(target, fps=fps, overwrite=self._overwrite, labels=choices.labels)
        except BaseException:
            video.close()
            raise

    def add(self, image: NDArray[np.uint8], result: FrameResult) -> None:
        """Draw a frame, uint8 (H, W, 3) RGB, as `AnnotatedVideo.add`."""
        self._video.add(image, result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        from moue.output.timeline_plot import plot_timeline  # noqa: PLC0415 (as above)

        self._video.close()
        if self._video.num_frames:
            output.wrote(self._video.path)
        if not self._timeline.people():
            return
        try:
            output.wrote(plot_timeline(self._timeline, self._plot, title=self._title, overwrite=self._overwrite))
        except MissingExtraError as error:
            output.note(f"no timeline: {error.came}; {error.fix}")
