"""Videos among the files of `moue predict`: their rows, and the words about them at the end."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
import os
import time
from typing import TYPE_CHECKING, Any

from moue.cli import output
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from moue.media.clock import Sampling
    from moue.media.video import Video
    from moue.output.tables import CsvRun
    from moue.predict.drawings import DrawingChoices, VideoDrawing
    from moue.predict.jobs import Job
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.frame_results import FrameResult
    from moue.recognition.results import ImageResult
    from moue.recognition.timeline import Timeline


@dataclasses.dataclass(frozen=True)
class VideoChoices:
    """What the user wants of videos.

    Attributes:
        sampling: Which frames are looked at.
        smooth_s: Seconds over which probabilities are averaged.
        detector_model: The file of the detector yunet.

    Raises:
        MoueError: `smooth_s` is out of its range.
    """

    sampling: Sampling
    smooth_s: float
    detector_model: Path | None

    def __post_init__(self) -> None:
        from moue.recognition.smoothing import Smoother  # noqa: PLC0415 (keeps --help fast)

        # What is wrong for every video is told before the first.
        Smoother(self.smooth_s)


class Videos:
    """Answers pictures and videos in one sequence, draws them, and counts the videos.

    Args:
        analyzer: Of pictures; videos get its network and its detector.
        choices: What the user wants.
    """

    def __init__(self, analyzer: Analyzer, choices: VideoChoices) -> None:
        self._pictures = analyzer
        self._choices = choices
        self._frames: Analyzer | None = None
        self.num_videos = self.num_ok = self.num_frames = self.num_faces = self.num_people = 0
        self.seconds = 0.0
        self.rows: list[tuple[str, ...]] = []
        """One row for each person: file, number and times, expression, mean of each class in percent."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the rows of videos depend on, as JSON values."""
        sampling = self._choices.sampling
        return {"every": sampling.every, "fps": sampling.fps, "smooth_s": self._choices.smooth_s}

    def results(
        self, jobs: Sequence[Job], drawings: DrawingChoices, run: CsvRun | None = None
    ) -> Generator[ImageResult | FrameResult, None, None]:
        """Yield the results of pictures and of videos' frames, in order; to be closed, so that videos are ended well.

        A picture is drawn before its result is yielded, so that what has its row has its drawing.

        Args:
            jobs: Pictures and videos.
            drawings: How they are drawn.
            run: The table in which a video stands whole or not at all.
        """
        num_pictures = sum(not job.is_video for job in jobs)
        done = 0
        for videos, group in itertools.groupby(jobs, lambda job: job.is_video):
            if not videos:
                with output.count_progress("predicting") as moved:
                    for result in self._answer_pictures(list(group), drawings):
                        done += 1
                        moved(done, num_pictures)
                        yield result
                continue
            for job in group:
                with run.whole() if run else contextlib.nullcontext():
                    yield from self._video(job, drawings)

    def print_summary(self) -> None:
        """Say how much there was to see in videos."""
        if not self.num_videos:
            return
        parts = [_count(self.num_videos, "video"), _count(self.num_frames, "frame"), _count(self.num_faces, "face")]
        parts.append(f"{self.num_people:,} {'person' if self.num_people == 1 else 'people'}")
        if self.num_ok < self.num_videos:
            parts.append(f"{self.num_videos - self.num_ok:,} failed or broken off")
        output.note(", ".join([*parts, f"{self.num_frames / max(self.seconds, 1e-9):.1f} frames per second"]))

    def _answer_pictures(self, jobs: Sequence[Job], drawings: DrawingChoices) -> Iterator[ImageResult]:
        results = self._pictures.analyze_many(job.source for job in jobs)
        for job, result in zip(jobs, results, strict=True):
            if job.drawing is not None:
                from moue.predict.drawings import draw_picture  # noqa: PLC0415 (most runs draw nothing)

                draw_picture(result, job.drawing, drawings)
            yield result

    def _video(self, job: Job, drawings: DrawingChoices) -> Iterator[FrameResult]:
        from moue.media.video import public_name  # noqa: PLC0415 (keeps --help fast)
        from moue.recognition.timeline import Timeline  # noqa: PLC0415

        self.num_videos += 1
        began = time.monotonic()
        timeline = Timeline(self._pictures.class_names)
        problem = ""
        try:
            for result in self._open_and_follow(job, timeline, drawings):
                problem = result.message if not result.width else problem
                yield result
        finally:
            self.seconds += time.monotonic() - began
            self._sum_up(public_name(job.source), timeline)
        if problem:
            output.note(f"{public_name(job.source)}: {problem}")
        else:
            self.num_ok += 1

    def _open_and_follow(self, job: Job, timeline: Timeline, drawings: DrawingChoices) -> Iterator[FrameResult]:
        from moue.media.video import open_video, public_name  # noqa: PLC0415
        from moue.recognition.frame_results import without_frames  # noqa: PLC0415 (keeps --help fast)
        from moue.recognition.stream import Follower, analyze_frames  # noqa: PLC0415

        name = public_name(job.source)
        try:
            follower = Follower(self._choices.smooth_s, self._pictures.unsure_below)
            video = open_video(job.source, allow_url=self._pictures.allow_url, limits=self._pictures.limits)
        except MoueError as error:
            # A video that cannot be had is a row, like a picture that cannot.
            yield without_frames(name, error)
            return
        with contextlib.ExitStack() as stack:
            drawing = self._drawing(video, job.drawing, timeline, drawings)
            stack.enter_context(drawing or contextlib.nullcontext())
            moved = stack.enter_context(output.count_progress(os.path.basename(name)))  # noqa: PTH119 (also text)
            sampling = self._choices.sampling
            frames = analyze_frames(video, self._stream_analyzer(), follower, sampling=sampling)
            for image, result in stack.enter_context(contextlib.closing(frames)):
                timeline.add(result)
                if drawing is not None and image is not None:
                    drawing.add(image, result)
                moved((result.frame or 0) + 1, video.num_frames)
                yield result

    def _stream_analyzer(self) -> Analyzer:
        """Return the analyzer of pictures with a detector that looks at frames upright only."""
        from moue.faces import DetectorOptions, make_detector  # noqa: PLC0415 (keeps --help fast)

        if self._frames is None:
            self._frames = copy.copy(self._pictures)
            options = DetectorOptions(model=self._choices.detector_model, turns=False)
            self._frames.detector = make_detector(self._pictures.detector.name, options)
        return self._frames

    def _drawing(
        self, video: Video, target: Path | None, timeline: Timeline, choices: DrawingChoices
    ) -> VideoDrawing | None:
        from moue.predict.drawings import VideoDrawing  # noqa: PLC0415 (keeps --help fast)

        if target is None:
            return None
        rate = self._choices.sampling.rate(video.fps)
        return VideoDrawing(video, target, timeline, fps=rate, choices=choices)

    def _sum_up(self, file: str, timeline: Timeline) -> None:
        from moue.recognition.timeline import minutes  # noqa: PLC0415 (keeps --help fast)

        self.num_frames += timeline.num_frames
        self.num_faces += timeline.num_faces
        self.num_people += timeline.num_people
        for person in timeline.people():
            mean = person.mean()
            most = self._pictures.class_names[mean.index(max(mean))]
            when = f"#{person.track_id} {minutes(person.first_s)}-{minutes(person.last_s)}"
            self.rows.append((file, when, most, *(f"{100 * value:.1f}" for value in mean)))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
