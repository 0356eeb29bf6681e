"""What a run over a single video writes besides tables and drawings: subtitles and the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.errors import SettingError
from moue.media.urls import shown
from moue.output.subtitles import Subtitles
from moue.output.timeline_table import write_timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from moue.predict.jobs import Job
    from moue.predict.options import PredictOptions
    from moue.recognition.frame_result import FrameResult
    from moue.recognition.timeline import Timeline


def check_one_video(jobs: Sequence[Job], options: PredictOptions) -> None:
    """Raise `MoueError` if a file for one video is wanted and the input is anything else."""
    wanted = options.srt or options.timeline
    if wanted is None:
        return
    if len(jobs) != 1:
        came = f"{wanted} belongs to one video, but there are {len(jobs):,} files to read"
        raise SettingError(came, "one video", "Name one video at a time.")
    if not jobs[0].is_video:
        came = f"{wanted} belongs to a video, but {shown(str(jobs[0].source))} is an image"
        raise SettingError(came, "one video", "Name a video.")


class VideoFiles:
    """Collects the data of the wanted files, and writes them at the end of the video.

    Args:
        options: Which files are wanted.
        timeline: Sums up the people of the video.
        wrote: Called with each file that was written.
    """

    def __init__(self, options: PredictOptions, timeline: Timeline, wrote: Callable[[Path], None]) -> None:
        self._options, self._timeline, self._wrote = options, timeline, wrote
        self._subtitles = Subtitles() if options.srt is not None else None

    @property
    def shows_faces(self) -> bool:
        """Whether the timeline needs the frames."""
        return self._options.timeline is not None and self._options.timeline.suffix.lower() == ".png"

    def add(self, result: FrameResult) -> None:
        """Add the next frame."""
        if self._subtitles is not None:
            self._subtitles.add(result)

    def write(self, title: str) -> None:
        """Write the files.

        Args:
            title: The name of the video in the timeline.

        Raises:
            MoueError: a file cannot be written.
        """
        if self._subtitles is not None and self._options.srt is not None:
            self._wrote(self._subtitles.write(self._options.srt, overwrite=self._options.overwrite))
        if self._options.timeline is not None:
            overwrite = self._options.overwrite
            self._wrote(write_timeline(self._timeline, self._options.timeline, title=title, overwrite=overwrite))
