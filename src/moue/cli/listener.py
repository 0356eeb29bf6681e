"""How `moue predict` shows what `moue.predict.predict` reports."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING

from moue.cli import console
from moue.cli.prediction_lines import PredictionLines
from moue.predict import Listener
from moue.recognition.frame_result import FrameResult
from moue.recognition.timeline import minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.predict import Summary
    from moue.progress import Progress
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.image_result import ImageResult
    from moue.recognition.timeline import Timeline


class ConsoleListener(Listener):
    """Prints predictions to standard output, and everything else to standard error.

    Args:
        shown: How predictions are printed: "lines", "wide", "json" or "nothing".
    """

    def __init__(self, shown: str) -> None:
        self._json = shown == "json"
        self._lines = PredictionLines(wide=shown == "wide") if shown in ("lines", "wide") else None
        self._bar = contextlib.ExitStack()
        self._title: str | None = None
        self._unsure_below = 0.0
        self._move: Progress | None = None

    def began(self, analyzer: Analyzer) -> None:
        """Print which detector finds the faces."""
        self._unsure_below = analyzer.unsure_below
        name = analyzer.detector.name
        if name == "none":
            console.note("no face detection: each image is treated as one face")
        else:
            console.note(f"face detector: {name}")

    def progress(self, title: str, done: int, total: int | None) -> None:
        """Advance the bar; a new title starts a new bar."""
        if title != self._title or self._move is None:
            self._bar.close()
            self._move = self._bar.enter_context(console.count_progress(title or "images"))
            self._title = title
        self._move(done, total)

    def result(self, result: ImageResult) -> None:
        """Print the result of an image; the people in a video are printed when it ends."""
        if self._json:
            # ASCII, so that no file name can control the terminal, whatever its encoding.
            sys.stdout.write(json.dumps(result.to_dict(), allow_nan=False) + "\n")
            sys.stdout.flush()
        elif self._lines is not None and not isinstance(result, FrameResult):
            self._lines.add_image(result)

    def video_ended(self, file: str, timeline: Timeline, class_names: Sequence[str]) -> None:
        """Print a line for each person."""
        self._bar.close()
        self._move = None
        if self._lines is None:
            return
        for person in timeline.people():
            when = f"#{person.track_id} {minutes(person.first_s)}-{minutes(person.last_s)}"
            probabilities = dict(zip(class_names, person.mean(), strict=True))
            self._lines.add_person(file, when, probabilities, self._unsure_below)

    def failed(self, file: str, message: str) -> None:
        """Print the file and the error, even with --quiet."""
        console.warn(console.one_line(f"{file}: {message}"))

    def note(self, text: str) -> None:
        """Print a note."""
        console.note(console.one_line(text))

    def wrote(self, path: Path) -> None:
        """Print the name of a written file."""
        console.wrote(path)

    def close(self) -> None:
        """End the bar, and print the predictions that were kept for the end."""
        self._bar.close()
        if self._lines is not None:
            self._lines.print()

    def end(self, summary: Summary, drawings: Path | None, *, stored: bool) -> None:
        """Print the counts of the run."""
        if summary.num_drawn_images and drawings is not None:
            console.note(f"wrote {_count(summary.num_drawn_images, 'annotated image')} to {drawings}")
        if summary.num_videos:
            console.note(_video_counts(summary))
        if summary.num_images or not summary.num_videos:
            console.note(_image_counts(summary))
        if summary.num_faces:
            console.note(", ".join(f"{name} {count:,}" for name, count in summary.emotions.most_common()))
        if summary.statuses["no_face"]:
            console.note("to treat each image as one face, add --detector none")
        if self._lines is not None and self._lines.is_shortened and not stored:
            console.note("to save all results, add --output FILE.csv; for other programs, --json")


def _image_counts(summary: Summary) -> str:
    return ", ".join(
        (
            _count(summary.num_images, "image"),
            _count(summary.num_faces, "face"),
            f"{summary.statuses['no_face']:,} without a face",
            f"{summary.num_failed_images:,} failed",
            f"{summary.num_images / max(summary.image_seconds, 1e-9):.1f} images per second",
        )
    )


def _video_counts(summary: Summary) -> str:
    failed = summary.num_videos - summary.num_whole_videos
    return ", ".join(
        (
            _count(summary.num_videos, "video"),
            _count(summary.num_frames, "frame"),
            _count(summary.num_video_faces, "face"),
            f"{summary.num_people:,} {'person' if summary.num_people == 1 else 'people'}",
            *([f"{failed:,} failed or incomplete"] if failed else []),
            f"{summary.num_frames / max(summary.video_seconds, 1e-9):.1f} frames per second",
        )
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
