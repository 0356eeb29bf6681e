"""What `moue predict` prints: one line for each face in 80 columns, a summary where there are many."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import typer

from moue.cli import output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moue.predict.run import Videos
    from moue.recognition.frame_results import FrameResult
    from moue.recognition.results import ImageResult

MOST_LINES: Final = 20
"""Faces and people that are printed one by one, and failures that are named."""

_NAME, _BAR = 30, 14
_SEEN: Final = ("ok", "no_face")


class Answers:
    """Counts what goes by, and keeps what is printed at the end.

    Args:
        class_names: The classes, in order.
        wide: Print a table with the box and all classes.
    """

    def __init__(self, class_names: Sequence[str], *, wide: bool = False) -> None:
        self.class_names = class_names
        self.statuses: Counter[str] = Counter()
        self.emotions: Counter[str] = Counter()
        self.num_before = 0  # files of an earlier run that this one continues
        self._wide = wide
        self._began = time.monotonic()
        self._rows: list[tuple[str, str, str, Mapping[str, float]]] = []

    def add(self, result: ImageResult | FrameResult) -> None:
        """Count an image's result; videos count for themselves."""
        from moue.recognition.results import ImageResult

        if not isinstance(result, ImageResult):
            return
        status = result.status.value
        self.statuses[status] += 1
        self.emotions.update(face.emotion for face in result.faces)
        failed = self.statuses.total() - sum(self.statuses[seen] for seen in _SEEN)
        if status not in _SEEN:
            if failed <= MOST_LINES:
                output.note(
                    f"{result.file}: {status}: {result.message}" if result.message else f"{result.file}: {status}"
                )
            return
        if result.message and status == "ok" and len(self._rows) < MOST_LINES:
            output.note(f"{result.file}: {result.message}")
        if len(self._rows) > MOST_LINES:
            return
        if not result.faces:
            self._rows.append((result.file, "", status, {}))
        for face in result.faces:
            box = " ".join(f"{value:.0f}" for value in face.box)
            answer = f"{face.emotion}{'?' if face.unsure else ''}"
            self._rows.append((result.file, box, answer, face.probabilities))

    def print(self, videos: Videos, *, to_file: bool) -> None:
        """Print the faces, or how many there were of each expression, and what could not be done."""
        people = [
            (file, when, most, {name: float(value) / 100 for name, value in zip(self.class_names, mean, strict=True)})
            for file, when, most, *mean in videos.rows
        ]
        if len(self._rows) <= MOST_LINES or self._wide:
            self._print_rows([*self._rows, *people[:MOST_LINES]])
        else:
            self._print_rows(people[:MOST_LINES])
            fix = "" if to_file else "; --output results.csv writes them all"
            output.note(f"more than {MOST_LINES} faces: not listed here{fix}")
        videos.print_summary()
        if self.statuses or not videos.num_videos:
            self._print_summary(time.monotonic() - self._began - videos.seconds)

    def _print_rows(self, rows: Sequence[tuple[str, str, str, Mapping[str, float]]]) -> None:
        if not rows:
            return
        if not self._wide:
            for file, when, answer, probabilities in rows:
                name = f"{os.path.basename(file)} {when}" if when.startswith("#") else os.path.basename(file)  # noqa: PTH119 (also addresses)
                typer.echo(output.harmless(line_of(name, answer, probabilities)))
            return
        columns = ("file", "box", "answer", *(f"{name} %" for name in self.class_names))
        cells = [
            (file, place, answer, *(f"{100 * chances[name]:.1f}" if chances else "" for name in self.class_names))
            for file, place, answer, chances in rows
        ]
        output.print_table(columns, cells)

    def _print_summary(self, seconds: float) -> None:
        num_files, num_faces = self.statuses.total(), self.emotions.total()
        failed = num_files - sum(self.statuses[seen] for seen in _SEEN)
        parts = [f"{num_files:,} files", f"{num_faces:,} faces", f"{self.statuses['no_face']:,} without a face"]
        output.note(", ".join([*parts, f"{failed:,} failed", f"{num_files / max(seconds, 1e-9):.1f} files per second"]))
        if failed > MOST_LINES:
            output.note(f"{failed - MOST_LINES:,} more failures are not named; --output results.csv names each")
        if self.statuses["no_face"]:
            output.note("to take each image as one face, add --detector none")
        if num_faces:
            output.note(", ".join(f"{name} {count:,}" for name, count in self.emotions.most_common()))


def line_of(name: str, answer: str, probabilities: Mapping[str, float]) -> str:
    """Return one line of at most 79 columns: name, answer, confidence, a bar and the runner-up."""
    shown = shortened(name, _NAME)
    if not probabilities:
        return f"{shown:<{_NAME}}  {answer}"
    first, second = sorted(probabilities.values(), reverse=True)[:2]
    runner_up = max((key for key, value in probabilities.items() if value <= second), key=probabilities.__getitem__)
    full, empty = ("█", "░") if _draws_blocks() else ("#", ".")
    length = round(first * _BAR)
    bar = full * length + empty * (_BAR - length)
    return f"{shown:<{_NAME}}  {answer:<9} {100 * first:5.1f}%  {bar}  {runner_up} {100 * second:.1f}%"


def shortened(name: str, length: int) -> str:
    """Return a name with its middle left out where it is longer than `length`."""
    if len(name) <= length:
        return name
    end = length // 2
    return f"{name[: length - end - 1]}~{name[-end:]}"


def _draws_blocks() -> bool:
    try:
        "█░".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
