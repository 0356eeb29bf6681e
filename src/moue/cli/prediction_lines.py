"""How `moue predict` prints its predictions: one line per face that fits 80 columns."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from moue.cli import console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moue.recognition.face_result import FaceResult
    from moue.recognition.image_result import ImageResult

_BAR: Final = 13
_REST: Final = 2 + 9 + 1 + 6 + 2 + _BAR + 2 + len("surprise 49.9%")  # columns for everything but the name
_LONGEST_NAME: Final = 60
_MARGIN: Final = 8  # lines of the terminal that notes and the prompt take


class PredictionLines:
    """Prints a line for each face.

    A terminal gets the lines at the end, and no more than fit unless `wide`; a pipe or file gets each line at once.

    Args:
        wide: Show the box and the probabilities of all classes too.
    """

    def __init__(self, *, wide: bool) -> None:
        self._wide = wide
        height = console.height()
        self._room = None if height is None or wide else max(_MARGIN, height - _MARGIN)
        self._lines: list[str] = []
        self._files: dict[str, Counter[str]] = {}
        self._too_many = False
        self.num_lines = 0

    def add_image(self, result: ImageResult) -> None:
        """Print the faces of an image; an image that could not be read is reported elsewhere."""
        if result.status.value == "no_face":
            self._add(result.file, "", line_of(result.file, "no face", {}))
        for number, face in enumerate(result.faces, 1):
            part = f" #{number}" if len(result.faces) > 1 else ""
            probabilities = face.probabilities
            prediction = f"{face.emotion}{'?' if face.unsure else ''}"
            line = line_of(result.file, prediction, probabilities, part)
            self._add(result.file, face.emotion, line + (_all_classes(probabilities, face) if self._wide else ""))

    def add_person(self, file: str, part: str, probabilities: Mapping[str, float], unsure_below: float) -> None:
        """Print the mean prediction for a person in a video."""
        emotion = max(probabilities, key=probabilities.__getitem__)
        prediction = f"{emotion}{'?' if probabilities[emotion] < unsure_below else ''}"
        line = line_of(file, prediction, probabilities, f" {part}")
        self._add(file, emotion, line + (_all_classes(probabilities) if self._wide else ""))

    def print(self) -> None:
        """Print the stored lines, or one line per file if the faces do not fit on the screen."""
        if self._room is None:
            return
        if not self._too_many:
            lines = self._lines
        elif len(self._files) <= self._room:
            lines = [_file_line(file, emotions) for file, emotions in self._files.items()]
        else:
            lines = []
        for line in lines:
            console.say(line)

    def _add(self, file: str, emotion: str, line: str) -> None:
        self.num_lines += 1
        if self._room is None:
            console.say(line)
            return
        if not self._too_many:
            self._lines.append(line)
            self._too_many = sum(line.count("\n") + 1 for line in self._lines) > self._room
        if len(self._files) <= self._room:
            self._files.setdefault(file, Counter())[emotion] += 1

    @property
    def is_shortened(self) -> bool:
        """Whether there were more predictions than a screen of 24 lines shows."""
        return self._too_many or self.num_lines > 24 - _MARGIN


def line_of(name: str, prediction: str, probabilities: Mapping[str, float], part: str = "") -> str:
    """Return one line that fits the width: name, prediction, confidence, a bar and the runner-up.

    Args:
        name: Path of the file. Its name and as many folders as fit are shown; a long name loses its middle.
        prediction: The expression, with "?" if unsure; or why there is none.
        probabilities: The probability of each class, 0-1; may be empty.
        part: Text after the name that is never shortened, such as the number of a face.
    """
    room = min(console.width() - _REST, _LONGEST_NAME)
    left = room - cell_len(part)
    shown = shortened(_last_parts(console.one_line(name), left), left) + part
    shown += " " * (room - cell_len(shown))
    if not probabilities:
        return f"{shown}  {prediction}"
    (_, first), (runner_up, second) = sorted(probabilities.items(), key=lambda item: -item[1])[:2]
    full, empty = ("█", "░") if _draws_blocks() else ("#", ".")
    length = round(first * _BAR)
    bar = full * length + empty * (_BAR - length)
    return f"{shown}  {prediction:<9} {100 * first:5.1f}%  {bar}  {runner_up} {100 * second:.1f}%"


def shortened(name: str, length: int) -> str:
    """Return a name, without its middle if it takes more than `length` columns."""
    if cell_len(name) <= length:
        return name
    head, tail = name, name
    while cell_len(tail) > length // 2:
        tail = tail[1:]
    while cell_len(head) + 1 + cell_len(tail) > length:
        head = head[:-1]
    return f"{head}~{tail}"


def _draws_blocks() -> bool:
    try:
        # While a progress bar runs, it replaces standard output and has no encoding.
        stream = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
        "█░".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _last_parts(path: str, length: int) -> str:
    """Return the name of a file with as many folders as fit, because files in two folders may have the same name."""
    path = path.rstrip("/") or path
    name = os.path.basename(path) or path  # noqa: PTH119 (URLs too)
    if "://" in path:
        return name
    for start in [-1, *(position for position, character in enumerate(path) if character == "/")]:
        if cell_len(path[start + 1 :]) <= length:
            return path[start + 1 :]
    return name


def _file_line(file: str, emotions: Counter[str]) -> str:
    counts = ", ".join(f"{name or 'no face'}{f' {count}' if name else ''}" for name, count in emotions.most_common())
    return line_of(file, counts, {})


def _all_classes(probabilities: Mapping[str, float], face: FaceResult | None = None) -> str:
    words = [f"{name} {100 * value:.1f}".replace(" ", "\N{NO-BREAK SPACE}") for name, value in probabilities.items()]
    box = ""
    if face is not None:
        x, y, width, height = face.box
        box = f"\n    box {x:.0f} {y:.0f} {width:.0f} {height:.0f}"
    lines = textwrap.wrap("  ".join(words), console.width() - 4)
    return box + "".join(f"\n    {line}" for line in lines).replace("\N{NO-BREAK SPACE}", " ")
