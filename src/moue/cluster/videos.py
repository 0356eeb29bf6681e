"""Videos on a cluster: how many parts a video has, and the predictions for one part.

A part is a range of time. To predict it, a process reads the video from its beginning, but neither converts nor
analyzes the frames before the part, so every frame has the same number, time and pixels as in `moue predict`. A little
more than a second before the part is analyzed too and then discarded: this way the people are tracked and the
smoothing window is full when the part begins. Only the numbers of people differ, since parts do not know each other's.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import os
import shutil
import socket
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.faces import make_detector
from moue.media.clock import Sampling
from moue.media.decode import Status
from moue.media.open_video import VideoError, open_video
from moue.recognition.frame_result import FrameResult
from moue.recognition.smoothing import DEFAULT_WINDOW_S
from moue.recognition.stream import Follower, analyze_frames
from moue.recognition.tracking import DEFAULT_KEEP_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moue.cluster.place import Place
    from moue.media.decode import ImageLimits
    from moue.recognition.analyzer import Analyzer

NUMBERS_OF_A_PART: Final = 1_000_000
"""Numbers of people start at 0 times this in the first part, at 1 times this in the second, and so on."""


@dataclasses.dataclass(frozen=True)
class VideoOptions:
    """How videos are processed.

    Attributes:
        part_s: Length of a part in seconds.
        sampling: Which frames are analyzed.
        smooth_s: Seconds over which probabilities are averaged.
    """

    part_s: float
    sampling: Sampling = dataclasses.field(default_factory=Sampling)
    smooth_s: float = DEFAULT_WINDOW_S

    def sampling_of(self, part: int, step_s: float, *, is_last: bool) -> Sampling:
        """Return which frames of a video belong to a part.

        Args:
            part: Number of the part, from 0.
            step_s: The longest time between two analyzed frames, in seconds.
            is_last: Whether the part extends to the end of the video, whatever length its container states.
        """
        return dataclasses.replace(
            self.sampling,
            start_s=part * self.part_s,
            end_s=math.inf if is_last else (part + 1) * self.part_s,
            lead_s=max(DEFAULT_KEEP_S, self.smooth_s, step_s) + step_s,
        )


def num_parts(source: Place, names: Sequence[bytes], limits: ImageLimits, part_s: float) -> list[int]:
    """Return the number of parts of each video; 1 if it cannot be opened or does not state its length."""
    counts = []
    for name in names:
        try:
            with _on_disk(source, name) as path, open_video(path, limits=limits) as video:
                length = video.duration_s or 0.0
        except MoueError:  # its row will hold the error
            length = 0.0
        counts.append(max(1, math.ceil(length / part_s - 1e-6)))
    return counts


class VideoPredictor:
    """Predicts parts of videos.

    Args:
        options: How videos are processed.
        analyzer: The analyzer of images; videos use its model and its detector.
    """

    def __init__(self, options: VideoOptions, analyzer: Analyzer) -> None:
        self._options = options
        self._analyzer = copy.copy(analyzer)
        self._analyzer.detector = make_detector(analyzer.detector.name, video=True)

    def predict(self, source: Place, name: bytes, part: int, *, is_last: bool) -> list[FrameResult]:
        """Return the results of a part's frames.

        If the video cannot be opened, the first part has a single result with the reason, and the others have none.

        Args:
            source: The folder of the videos.
            name: The video.
            part: Number of the part, from 0.
            is_last: Whether it is the last part.

        Raises:
            MoueError: the storage at an address does not respond.
        """
        file = source.label(os.fsdecode(name))
        with contextlib.ExitStack() as stack:
            path = ""
            try:
                path = stack.enter_context(_on_disk(source, name))
                video = stack.enter_context(open_video(path, limits=self._analyzer.limits))
            except _StorageError:
                raise
            except MoueError as error:
                failed = FrameResult.without_frames(path, error)
                return [] if part else [dataclasses.replace(failed, file=file)]
            step_s = self._options.sampling.longest_step_s(video.fps)
            sampling = self._options.sampling_of(part, step_s, is_last=is_last)
            follower = Follower(self._options.smooth_s, self._analyzer.unsure_below)
            # One thread decodes and detects faces while this one runs the model: an actor has one CPU.
            frames = analyze_frames(video, self._analyzer, follower, sampling=sampling, workers=1)
            return [
                _of_part(result, file, part)
                for _, result in stack.enter_context(contextlib.closing(frames))
                if not result.width or (result.time_s or 0.0) >= sampling.start_s
            ]


def _of_part(result: FrameResult, file: str, part: int) -> FrameResult:
    first = part * NUMBERS_OF_A_PART
    faces = tuple(dataclasses.replace(face, track_id=first + face.track_id) for face in result.faces)
    return dataclasses.replace(result, file=file, faces=faces)


def tally_of_part(file: str, results: Sequence[FrameResult]) -> dict[str, Any]:
    """Return the counts of a part of a video for the summary of the run, as JSON values."""
    frames = [result for result in results if result.width]
    return {
        "file": file,
        "frames": len(frames),
        "video_faces": sum(len(frame.faces) for frame in frames),
        "people": len({face.track_id for frame in frames for face in frame.faces}),
        "problem": next((f"{result.status}: {result.message}" for result in results if not result.width), ""),
    }


class _StorageError(MoueError):
    """The storage does not respond: better no rows than a failure that counts as done."""


@contextlib.contextmanager
def _on_disk(source: Place, name: bytes) -> Iterator[str]:
    """Yield the path of a video; a video at an address is copied first, and the copy is removed afterwards."""
    path = source.file(os.fsdecode(name))
    if source.is_local:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="moue-") as folder:
        copied = Path(folder) / f"video{PurePosixPath(path).suffix}"
        try:
            with source.filesystem.open_input_stream(path, compression=None) as there, copied.open("wb") as here:
                shutil.copyfileobj(there, here, 1 << 20)
        except FileNotFoundError as error:
            raise VideoError(Status.NOT_FOUND, "no such file") from error
        except OSError as error:
            raise _StorageError(
                f"the node {socket.gethostname()} cannot copy {source.label(os.fsdecode(name))}: {error}",
                "a storage that responds, and room for the video in the folder of temporary files",
                "Check both on all nodes; then the same command resumes.",
            ) from error
        yield str(copied)
