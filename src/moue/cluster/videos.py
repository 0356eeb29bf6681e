"""Videos on a cluster: how many parts a film has, and the answers to one of them.

A part is a range of time. Whoever answers one reads the film from its beginning, without converting or answering what
comes before, so that every frame has the number, the time and the pixels that it has in `moue predict`. A little more
than a second before the part is answered too and thrown away: then the people are known and the window of smoothing is
full where the part begins. Only the numbers of people differ, since no part knows those of the others.
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
"""The people of the second part have numbers from this one on, those of the third from twice as many on, and so on."""


@dataclasses.dataclass(frozen=True)
class VideoOptions:
    """How videos are answered.

    Attributes:
        part_s: Seconds of a part.
        sampling: Which frames are analyzed.
        smooth_s: Seconds over which probabilities are averaged.
    """

    part_s: float
    sampling: Sampling = dataclasses.field(default_factory=Sampling)
    smooth_s: float = DEFAULT_WINDOW_S

    def sampling_of(self, part: int, step_s: float, *, is_last: bool) -> Sampling:
        """Return which frames of a film belong to a part.

        Args:
            part: From 0.
            step_s: The longest time between two analyzed frames.
            is_last: Whether it reaches to the end of the film, whatever the film says of its length.
        """
        return dataclasses.replace(
            self.sampling,
            start_s=part * self.part_s,
            end_s=math.inf if is_last else (part + 1) * self.part_s,
            lead_s=max(DEFAULT_KEEP_S, self.smooth_s, step_s) + step_s,
        )


def num_parts(source: Place, names: Sequence[bytes], limits: ImageLimits, part_s: float) -> list[int]:
    """Return into how many parts each film is split; 1 for one that cannot be opened or does not say how long it is."""
    found = []
    for name in names:
        try:
            with _on_disk(source, name) as path, open_video(path, limits=limits) as video:
                length = video.duration_s or 0.0
        except MoueError:  # its row will say what is wrong
            length = 0.0
        found.append(max(1, math.ceil(length / part_s - 1e-6)))
    return found


class VideoPredictor:
    """Answers parts of films.

    Args:
        films: How.
        analyzer: Answers images; films get its network and its detector.
    """

    def __init__(self, films: VideoOptions, analyzer: Analyzer) -> None:
        self._videos = films
        self._analyzer = copy.copy(analyzer)
        self._analyzer.detector = make_detector(analyzer.detector.name, video=True)

    def predict(self, source: Place, name: bytes, part: int, *, is_last: bool) -> list[FrameResult]:
        """Return the results of a part's frames; the first part of a film that cannot be opened has one that says why.

        Args:
            source: Where the films are.
            name: The film.
            part: From 0.
            is_last: Whether it is the last one.

        Raises:
            MoueError: the storage at an address does not answer.
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
            step_s = self._videos.sampling.longest_step_s(video.fps)
            sampling = self._videos.sampling_of(part, step_s, is_last=is_last)
            follower = Follower(self._videos.smooth_s, self._analyzer.unsure_below)
            # One thread decodes and looks for faces while this one runs the network: an actor has one CPU.
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
    """Return the counts of a part of a film for the summary of the run, as JSON values."""
    frames = [one for one in results if one.width]
    return {
        "file": file,
        "frames": len(frames),
        "video_faces": sum(len(one.faces) for one in frames),
        "people": len({face.track_id for one in frames for face in one.faces}),
        "problem": next((f"{one.status}: {one.message}" for one in results if not one.width), ""),
    }


class _StorageError(MoueError):
    """A storage does not answer: better no rows than a failure that counts as done."""


@contextlib.contextmanager
def _on_disk(source: Place, name: bytes) -> Iterator[str]:
    """Yield the path of a film; one at an address is copied first, and the copy removed afterwards."""
    path = source.file(os.fsdecode(name))
    if source.is_local:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="moue-") as folder:
        copied = Path(folder) / f"film{PurePosixPath(path).suffix}"
        try:
            with source.filesystem.open_input_stream(path, compression=None) as there, copied.open("wb") as here:
                shutil.copyfileobj(there, here, 1 << 20)
        except FileNotFoundError as error:
            raise VideoError(Status.NOT_FOUND, "no such file") from error
        except OSError as error:
            raise _StorageError(
                f"the node {socket.gethostname()} cannot copy {source.label(os.fsdecode(name))}: {error}",
                "a storage that answers, and room for the film in the folder of temporary files",
                "Check both on all nodes; then the same command resumes.",
            ) from error
        yield str(copied)
