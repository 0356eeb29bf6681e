"""From a video, a camera or a stream to the expressions of people over time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from moue.classifier.classifier import Classifier
from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.runtime import CPU, usable_cpus
from moue.faces import make_detector
from moue.media.clock import Sampling
from moue.media.decode import Status
from moue.media.open_video import open_video
from moue.recognition.analyzer import DEFAULT_UNSURE_BELOW, Analyzer
from moue.recognition.cuts import CutFinder
from moue.recognition.frame_result import FrameResult
from moue.recognition.smoothing import DEFAULT_WINDOW_S, Smoother
from moue.recognition.tracking import Tracker

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.classifier.protocol import FaceClassifier
    from moue.faces import Detector
    from moue.media.open_video import VideoSource
    from moue.media.video import Video, VideoFrame
    from moue.recognition.image_result import ImageResult

    _Analyzed: TypeAlias = Generator[tuple[VideoFrame, ImageResult], None, None]

_BATCH: Final = 8  # frames whose faces are predicted in one batch
_LARGE: Final = 2_000_000  # pixels; only a few larger frames are kept in memory
_MEMORY: Final = 128 * 1024 * 1024  # bytes for frames that are read ahead; always at least three frames
_KEPT_STEPS: Final = 1.5  # steps between frames for which a missing face is remembered, if the steps are long


def analyze_stream(  # noqa: PLR0913 (the choices of one call)
    source: VideoSource,
    *,
    model: str | Path | FaceClassifier = DEFAULT_MODEL,
    detector: str | Detector = "auto",
    every: int = 1,
    fps: float | None = None,
    smooth_s: float = DEFAULT_WINDOW_S,
    unsure_below: float = DEFAULT_UNSURE_BELOW,
    allow_url: bool = False,
    keep_frames: bool = False,
    device: str = CPU,
) -> Iterator[FrameResult]:
    """Yield one result for each analyzed frame, in order; each face has its person's number.

    An invalid source or choice raises at once, not at the first frame. If a video breaks off or a camera is lost, a
    last result with the status ``"unreadable"`` and a message says why. Videos are read a few frames ahead and use all
    CPUs; from a camera, the newest frame is used. Only a few frames are in memory.

    Args:
        source: The path of a video, the number of a camera, or an address.
        model: As for `moue.analyze`.
        detector: As for `moue.analyze`; rotated frames are not tried.
        every: Analyze every n-th frame.
        fps: Analyze at most this many frames a second; not together with `every`.
        smooth_s: Seconds over which probabilities are averaged; 0 turns smoothing off.
        unsure_below: Confidence below which a prediction is marked as unsure, 0-1.
        allow_url: Whether `source` may be an address; otherwise nothing is fetched.
        keep_frames: Whether results hold their frame's pixels, for `FrameResult.plot`.
        device: As for `moue.analyze`.

    Raises:
        MoueError: a choice is invalid, or the model, the detector or the source cannot be opened.
        MissingExtraError: OpenCV is not installed.
    """
    sampling = Sampling(every, fps)
    follower = Follower(smooth_s, unsure_below)
    analyzer = stream_analyzer(model, detector, unsure_below=unsure_below, device=device)
    video = open_video(source, allow_url=allow_url, limits=analyzer.limits)
    return _results(analyze_frames(video, analyzer, follower, sampling=sampling), keep_frames=keep_frames)


def _results(
    frames: Generator[tuple[NDArray[np.uint8] | None, FrameResult], None, None], *, keep_frames: bool
) -> Iterator[FrameResult]:
    with contextlib.closing(frames):
        for image, result in frames:
            yield dataclasses.replace(result, pixels=image) if keep_frames else result


def stream_analyzer(
    model: str | Path | FaceClassifier = DEFAULT_MODEL,
    detector: str | Detector = "auto",
    *,
    detector_model: Path | None = None,
    device: str = CPU,
    **choices: Any,  # noqa: ANN401 (as Analyzer takes them)
) -> Analyzer:
    """Return an `Analyzer` for frames: they are upright, so the detector does not try rotations if it finds no face."""
    classifier = Classifier.load(model, device=device) if isinstance(model, str | os.PathLike) else model
    loaded = make_detector(detector, video=True, model=detector_model) if isinstance(detector, str) else detector
    return Analyzer(classifier, loaded, **choices)


class Follower:
    """Turns results of images into results of frames: numbers the people and smooths their predictions.

    After a cut to another scene, all people count as new.

    Args:
        smooth_s: Seconds over which probabilities are averaged, 0 or more.
        unsure_below: Confidence below which a prediction is marked as unsure, 0-1.

    Raises:
        MoueError: a number is out of its range.
    """

    def __init__(self, smooth_s: float = DEFAULT_WINDOW_S, unsure_below: float = DEFAULT_UNSURE_BELOW) -> None:
        self._smoother = Smoother(smooth_s, unsure_below=unsure_below)
        self._tracker = Tracker()
        self._cuts = CutFinder()

    def expect_step(self, step_s: float) -> None:
        """Set the time between frames in seconds; if it is long, faces may be missing for longer."""
        self._tracker.keep_s = max(self._tracker.keep_s, _KEPT_STEPS * step_s)

    def add(self, image: ImageResult, file: str, frame: VideoFrame) -> FrameResult:
        """Return the result of the next frame."""
        is_cut = self._cuts.update(frame.image)
        if is_cut:
            self._tracker.forget()
        track_ids = self._tracker.update(image.faces, frame.time_s)
        faces = self._smoother.update(image.faces, track_ids, frame.time_s)
        timings = dataclasses.replace(image.timings, decode_ms=frame.read_ms)
        about = {"file": file, "frame": frame.number, "time_s": frame.time_s, "is_cut": is_cut}
        return FrameResult.of(image, faces, **about, timings=timings)


def analyze_frames(
    video: Video,
    analyzer: Analyzer,
    follower: Follower | None = None,
    *,
    sampling: Sampling | None = None,
    workers: int | None = None,
) -> Generator[tuple[NDArray[np.uint8] | None, FrameResult], None, None]:
    """Yield each analyzed frame with its result, as `analyze_stream`, for showing or drawing the frames.

    A frame is uint8 (H, W, 3) RGB; it is None for a last result that reports an error. The video is closed afterwards.

    Args:
        video: As `open_video` returns it; it is consumed.
        analyzer: As `stream_analyzer` returns it.
        follower: Numbers the people and smooths; use one per video.
        sampling: Which frames are analyzed.
        workers: Maximum number of threads; None uses one per CPU.
    """
    follower = follower or Follower(unsure_below=analyzer.unsure_below)
    follower.expect_step((sampling or Sampling()).longest_step_s(video.fps))
    last: VideoFrame | None = None
    with contextlib.ExitStack() as stack:
        frames = stack.enter_context(contextlib.closing(video.frames(sampling)))
        pixels = video.width * video.height
        analyzed = _one_by_one(frames, analyzer) if video.is_live else _ahead(frames, analyzer, pixels, workers)
        for frame, image in stack.enter_context(contextlib.closing(analyzed)):
            last = frame
            yield frame.image, follower.add(image, video.name, frame)
    if video.problem:
        number, time_s = (0, 0.0) if last is None else (last.number + 1, last.time_s)
        yield None, FrameResult(video.name, Status.UNREADABLE, message=video.problem, frame=number, time_s=time_s)


def _one_by_one(frames: Iterator[VideoFrame], analyzer: Analyzer) -> _Analyzed:
    """Analyze each frame before the next is read, as a camera needs."""
    for frame in frames:
        yield frame, analyzer.analyze_safely(frame.image)


def _ahead(frames: Iterator[VideoFrame], analyzer: Analyzer, pixels: int, max_workers: int | None) -> _Analyzed:
    """Analyze several frames at a time in several threads; fewer if frames have many pixels."""
    waiting: deque[VideoFrame] = deque()

    def images() -> Iterator[NDArray[np.uint8]]:
        for frame in frames:
            waiting.append(frame)
            yield frame.image

    # Two frames wait for each thread, and one more is being read.
    workers = max(1, min(max_workers or usable_cpus(), (_MEMORY // (3 * max(1, pixels)) - 1) // 2))
    batch_size = 1 if pixels > _LARGE else _BATCH
    for image in analyzer.analyze_many(images(), workers=workers, batch_size=batch_size):
        yield waiting.popleft(), image
