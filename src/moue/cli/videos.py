"""Videos among the files of `moue predict`: their rows, what is drawn of them, and the words about them at the end."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from moue.cli import output
from moue.errors import MissingExtraError, MoueError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from moue.inference.analyze import Analyzer
    from moue.inference.result_tables import CsvRun
    from moue.inference.results import ImageResult
    from moue.inference.video.clock import Sampling
    from moue.inference.video.results import FrameResult
    from moue.inference.video.source import Video
    from moue.inference.video.timeline import Timeline


@dataclasses.dataclass(frozen=True)
class VideoChoices:
    """What the user wants of videos.

    Attributes:
        sampling: Which frames are looked at.
        smooth_s: Seconds over which probabilities are averaged.
        detector_model: The file of the detector yunet.
        annotate: Folder for videos with the answers drawn in and for timelines.
        overwrite: Replace existing files there.
        emoji: Draw small faces there in place of names.
    """

    sampling: Sampling
    smooth_s: float
    detector_model: Path | None
    annotate: Path | None
    overwrite: bool
    emoji: bool = False


class Videos:
    """Answers pictures and videos in one sequence, and counts the videos.

    Args:
        analyzer: Of pictures; videos get its network and its detector.
        choices: What the user wants.
        paths: All files of the run, which decide the names of what is drawn.
    """

    def __init__(self, analyzer: Analyzer, choices: VideoChoices, paths: Sequence[Path | str]) -> None:
        self._pictures = analyzer
        self._choices = choices
        self._names = _drawing_names(paths)
        self._frames: Analyzer | None = None
        self.num_videos = self.num_ok = self.num_frames = self.num_faces = self.num_people = 0
        self.expected = sum(map(len, self._names.values()))
        """How many videos the files are."""
        self.seconds = 0.0
        self.rows: list[tuple[str, ...]] = []
        """One row for each person: file, number and times, expression, mean of each class in percent."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the rows of videos depend on, as JSON values."""
        sampling = self._choices.sampling
        return {"every": sampling.every, "fps": sampling.fps, "smooth_s": self._choices.smooth_s}

    def results(
        self, paths: Sequence[Path | str], run: CsvRun | None = None
    ) -> Generator[ImageResult | FrameResult, None, None]:
        """Yield the results of pictures and of videos' frames, in order; to be closed, so that videos are ended well.

        Args:
            paths: Pictures and videos.
            run: The table in which a video stands whole or not at all.
        """
        from moue.inference.listing import is_video  # noqa: PLC0415 (keeps --help fast)
        from moue.inference.video.source import public_name  # noqa: PLC0415

        num_pictures = sum(not is_video(path) for path in paths)
        left = Counter(path for path in paths if is_video(path))
        done = 0
        for videos, group in itertools.groupby(paths, is_video):
            if not videos:
                with output.count_progress("predicting") as moved:
                    for result in self._pictures.analyze_many(group):
                        done += 1
                        moved(done, num_pictures)
                        yield result
                continue
            for path in group:
                name = self._names[path][-left[path]]
                left[path] -= 1
                file = public_name(path)
                with run.whole(file) if run else contextlib.nullcontext():
                    yield from self._video(path, name, again=run is not None and run.was_stopped_in(file))

    def print_summary(self) -> None:
        """Say how much there was to see in videos."""
        if not self.num_videos:
            return
        parts = [_count(self.num_videos, "video"), _count(self.num_frames, "frame"), _count(self.num_faces, "face")]
        parts.append(f"{self.num_people:,} {'person' if self.num_people == 1 else 'people'}")
        if self.num_ok < self.num_videos:
            parts.append(f"{self.num_videos - self.num_ok:,} failed or broken off")
        output.note(", ".join([*parts, f"{self.num_frames / max(self.seconds, 1e-9):.1f} frames per second"]))

    def _video(self, path: Path | str, name: str, *, again: bool) -> Iterator[FrameResult]:
        from moue.inference.video.source import public_name  # noqa: PLC0415 (keeps --help fast)
        from moue.inference.video.timeline import Timeline  # noqa: PLC0415

        self.num_videos += 1
        began = time.monotonic()
        timeline = Timeline(self._pictures.class_names)
        problem = ""
        try:
            for result in self._open_and_follow(path, name, timeline, again=again):
                problem = result.message if not result.width else problem
                yield result
        finally:
            self.seconds += time.monotonic() - began
            self._sum_up(public_name(path), timeline)
        if problem:
            output.note(f"{public_name(path)}: {problem}")
        else:
            self.num_ok += 1

    def _open_and_follow(
        self, path: Path | str, name: str, timeline: Timeline, *, again: bool
    ) -> Iterator[FrameResult]:
        from moue.inference.video.results import without_frames  # noqa: PLC0415 (keeps --help fast)
        from moue.inference.video.source import open_video, public_name  # noqa: PLC0415
        from moue.inference.video.stream import Follower, analyze_frames  # noqa: PLC0415

        try:
            follower = Follower(self._choices.smooth_s, self._pictures.unsure_below)
            video = open_video(path, allow_url=self._pictures.allow_url, limits=self._pictures.limits)
        except MoueError as error:
            # A video that cannot be had is a row, like a picture that cannot.
            yield without_frames(public_name(path), error)
            return
        with contextlib.ExitStack() as stack:
            drawing = self._drawing(video, name, timeline, again=again)
            stack.enter_context(drawing or contextlib.nullcontext())
            moved = stack.enter_context(output.count_progress(os.path.basename(public_name(path))))  # noqa: PTH119 (also text)
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
        from moue.inference.detection import DetectorOptions, make_detector  # noqa: PLC0415 (keeps --help fast)

        if self._frames is None:
            self._frames = copy.copy(self._pictures)
            options = DetectorOptions(model=self._choices.detector_model, turns=False)
            self._frames.detector = make_detector(self._pictures.detector.name, options)
        return self._frames

    def _drawing(self, video: Video, name: str, timeline: Timeline, *, again: bool) -> _Drawing | None:
        choices = self._choices
        if choices.annotate is None:
            return None
        return _Drawing(
            video,
            choices.annotate / name,
            timeline,
            fps=choices.sampling.rate(video.fps),
            # What an interrupted run left of this video is replaced.
            overwrite=choices.overwrite or again,
            labels="emoji" if choices.emoji else "name",
        )

    def _sum_up(self, file: str, timeline: Timeline) -> None:
        from moue.inference.video.timeline import minutes  # noqa: PLC0415 (keeps --help fast)

        self.num_frames += timeline.num_frames
        self.num_faces += timeline.num_faces
        self.num_people += timeline.num_people
        for person in timeline.people():
            mean = person.mean()
            most = self._pictures.class_names[mean.index(max(mean))]
            when = f"#{person.track_id} {minutes(person.first_s)}-{minutes(person.last_s)}"
            self.rows.append((file, when, most, *(f"{100 * value:.1f}" for value in mean)))


class _Drawing:
    """What is drawn of one video: the video with the answers, and the timeline."""

    def __init__(
        self, video: Video, target: Path, timeline: Timeline, *, fps: float, overwrite: bool, labels: str
    ) -> None:
        from moue.files import refuse_existing  # noqa: PLC0415 (keeps --help fast)
        from moue.inference.video.writing import AnnotatedVideo  # noqa: PLC0415

        if target.exists() and target.samefile(video.name):
            video.close()
            raise MoueError(f"{target} is the video itself", "another folder for what is drawn", "Change --annotate.")
        self._timeline, self._overwrite = timeline, overwrite
        self._title = os.path.basename(video.name)  # noqa: PTH119 (also addresses)
        self._plot = target.with_name(f"{target.stem}-timeline.png")
        refuse_existing(self._plot, overwrite=overwrite)
        self._video = AnnotatedVideo(target, fps=fps, overwrite=overwrite, labels=labels)

    def add(self, image: NDArray[np.uint8], result: FrameResult) -> None:
        self._video.add(image, result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        from moue.inference.video.timeline_plot import plot_timeline  # noqa: PLC0415 (keeps --help fast)

        self._video.close()
        if self._video.num_frames:
            output.wrote(self._video.path)
        if not self._timeline.people():
            return
        try:
            output.wrote(plot_timeline(self._timeline, self._plot, title=self._title, overwrite=self._overwrite))
        except MissingExtraError as error:
            output.note(f"no timeline: {error.came}; {error.fix}")


def _drawing_names(paths: Sequence[Path | str]) -> dict[Path | str, list[str]]:
    """Return for each video the names of what is drawn of it, one for each mention; they depend on all paths."""
    from moue.inference.listing import is_video  # noqa: PLC0415 (keeps --help fast)

    names: dict[Path | str, list[str]] = {}
    used = Counter[str]()
    for path in paths:
        if is_video(path):
            stem = Path(path).stem
            used[stem] += 1
            names.setdefault(path, []).append(f"{stem}-{used[stem]}.mp4" if used[stem] > 1 else f"{stem}.mp4")
    return names


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
