"""What a run writes of its only video beside tables and drawings: subtitles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.errors import SettingError
from moue.output.subtitles import Subtitles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from moue.predict.jobs import Job
    from moue.predict.options import PredictOptions
    from moue.recognition.results import FrameResult


def check_one_video(jobs: Sequence[Job], options: PredictOptions) -> None:
    """Raise `MoueError` if a file for one video is wanted and the run is about anything else."""
    if options.srt is not None and (len(jobs) != 1 or not jobs[0].is_video):
        raise SettingError(f"{options.srt} for {len(jobs):,} inputs", "one video", "Name one video at a time.")


class VideoFiles:
    """Collects what the wanted files need, and writes them at the end of the video.

    Args:
        options: Which files are wanted.
        wrote: Called with each file that was written.
    """

    def __init__(self, options: PredictOptions, wrote: Callable[[Path], None]) -> None:
        self._options, self._wrote = options, wrote
        self._subtitles = Subtitles() if options.srt is not None else None

    def add(self, result: FrameResult) -> None:
        """Take in the next frame."""
        if self._subtitles is not None:
            self._subtitles.add(result)

    def write(self) -> None:
        """Write the files.

        Raises:
            MoueError: one cannot be written.
        """
        if self._subtitles is not None and self._options.srt is not None:
            self._wrote(self._subtitles.write(self._options.srt, overwrite=self._options.overwrite))
