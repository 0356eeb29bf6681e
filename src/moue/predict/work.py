"""Analyzes images and videos in one sequence, draws them, and counts the videos."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import time
from typing import TYPE_CHECKING

from moue.errors import MoueError
from moue.faces import make_detector
from moue.media.open_video import open_video, public_name
from moue.output.encoders import keeps_sound
from moue.predict.drawings import VideoDrawing, draw_image
from moue.predict.video_files import VideoFiles
from moue.recognition.frame_result import FrameResult
from moue.recognition.stream import Follower, analyze_frames
from moue.recognition.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from moue.media.video import Video
    from moue.output.csv_run import CsvRun
    from moue.predict.drawings import DrawingChoices
    from moue.predict.jobs import Job
    from moue.predict.listener import Listener
    from moue.predict.options import PredictOptions
    from moue.predict.summary import Summary
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.image_result import ImageResult


class Work:
    """Produces the results of a run, one after the other.

    Args:
        analyzer: The analyzer of images; videos use its model and its detector.
        options: The options of the run.
        listener: Is notified of progress and of files written.
        summary: Receives the counts of videos and drawings.
    """

    def __init__(self, analyzer: Analyzer, options: PredictOptions, listener: Listener, summary: Summary) -> None:
        self._analyzer, self._options = analyzer, options
        self._listener, self._summary = listener, summary
        self._video_analyzer: Analyzer | None = None
        self._noted_sound = False

    def results(
        self, jobs: Sequence[Job], drawings: DrawingChoices, run: CsvRun | None = None
    ) -> Generator[ImageResult, None, None]:
        """Yield the results of images and of videos' frames, in order; close the generator to finish open videos.

        An image is drawn before its result is yielded, so every row has its drawing.

        Args:
            jobs: Images and videos.
            drawings: How they are drawn.
            run: The table; it holds either all rows of a video or none.
        """
        num_images = sum(not job.is_video for job in jobs)
        done = 0
        for videos, group in itertools.groupby(jobs, lambda job: job.is_video):
            if not videos:
                for result in self._image_results(list(group), drawings):
                    done += 1
                    self._listener.progress("", done, num_images)
                    yield result
                continue
            for job in group:
                with run.whole() if run else contextlib.nullcontext():
                    yield from self._video(job, drawings)

    def _image_results(self, jobs: Sequence[Job], drawings: DrawingChoices) -> Iterator[ImageResult]:
        results = self._analyzer.analyze_many(job.source for job in jobs)
        for job, result in zip(jobs, results, strict=True):
            if job.drawing is not None:
                problem = draw_image(result, job.drawing, drawings)
                if problem:
                    self._listener.failed(result.file, problem)
                elif result.status.value in ("ok", "no_face"):
                    self._summary.num_drawn_images += 1
            yield result

    def _video(self, job: Job, drawings: DrawingChoices) -> Iterator[FrameResult]:
        name, timeline, problem = public_name(job.source), Timeline(self._analyzer.class_names), ""
        self._summary.num_videos += 1
        began = time.monotonic()
        try:
            for result in self._open_and_follow(job, timeline, drawings):
                problem = result.message if not result.width else problem
                yield result
        finally:
            self._summary.video_seconds += time.monotonic() - began
            self._summary.num_frames += timeline.num_frames
            self._summary.num_video_faces += timeline.num_faces
            self._summary.num_people += timeline.num_people
            self._listener.video_ended(name, timeline, self._analyzer.class_names)
        if problem:
            self._summary.failures.append((name, problem))
            self._listener.failed(name, problem)
        else:
            self._summary.num_whole_videos += 1

    def _open_and_follow(self, job: Job, timeline: Timeline, drawings: DrawingChoices) -> Iterator[FrameResult]:
        name = public_name(job.source)
        try:
            follower = Follower(self._options.smooth_s, self._analyzer.unsure_below)
            video = open_video(job.source, allow_url=self._analyzer.allow_url, limits=self._analyzer.limits)
        except MoueError as error:
            # A video that cannot be opened has a row, like an image.
            yield FrameResult.without_frames(name, error)
            return
        with contextlib.ExitStack() as stack:
            drawing = self._drawing(video, job.drawing, timeline, drawings)
            stack.enter_context(drawing or contextlib.nullcontext())
            files = VideoFiles(self._options, timeline, self._wrote)
            wants_faces = drawing is not None or files.shows_faces
            frames = analyze_frames(video, self._frame_analyzer(), follower, sampling=self._options.sampling)
            for image, result in stack.enter_context(contextlib.closing(frames)):
                timeline.add(result, image if wants_faces else None)
                files.add(result)
                if drawing is not None and image is not None:
                    drawing.add(image, result)
                self._listener.progress(os.path.basename(name), (result.frame or 0) + 1, video.num_frames)  # noqa: PTH119 (also addresses)
                yield result
            files.write(os.path.basename(name))  # noqa: PTH119 (also addresses)

    def _frame_analyzer(self) -> Analyzer:
        """Return the analyzer with a detector that does not try rotated frames."""
        if self._video_analyzer is None:
            self._video_analyzer = copy.copy(self._analyzer)
            name, file = self._analyzer.detector.name, self._options.detector_model
            self._video_analyzer.detector = make_detector(name, video=True, model=file)
        return self._video_analyzer

    def _drawing(
        self, video: Video, target: Path | None, timeline: Timeline, choices: DrawingChoices
    ) -> VideoDrawing | None:
        if target is None:
            return None
        self._note_if_sound_is_lost(target)
        return VideoDrawing(
            video,
            target,
            timeline,
            fps=self._options.sampling.rate(video.fps),
            choices=choices,
            wrote=self._wrote,
            note=self._listener.note,
        )

    def _note_if_sound_is_lost(self, target: Path) -> None:
        if self._noted_sound or keeps_sound(target.suffix):
            return
        self._noted_sound = True
        if target.suffix.lower() == ".avi":
            self._listener.note("drawn videos have no sound: .webm and .mp4 keep it")
        else:
            self._listener.note('drawn videos have no sound: pip install "moue[sound]" keeps it')

    def _wrote(self, path: Path) -> None:
        self._summary.wrote.append(path)
        self._listener.wrote(path)
