"""`aggregate`: shares of expressions in groups of people, and nothing about any single person.

A group is the images of one folder, or one minute of one video. In a video a person counts once a minute, however many
frames show them. A group with fewer than `min_faces` people is suppressed: its row says so and has no shares.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.media.urls import is_address
from moue.predict.listener import Listener
from moue.predict.run import predict
from moue.recognition.frame_result import FrameResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from moue.predict.options import PredictOptions
    from moue.predict.summary import Summary
    from moue.recognition.analyzer import Analyzer
    from moue.recognition.image_result import ImageResult
    from moue.recognition.timeline import Timeline

MIN_FACES: Final = 5
FORMAT: Final = "moue-aggregate"
VERSION: Final = 1
_DIGITS: Final = 3


@dataclasses.dataclass(frozen=True)
class Group:
    """The people of one folder of images, or of one minute of a video.

    Attributes:
        source: The folder, or the video.
        minute: The minute of the video, from 0; None for a folder.
        num_faces: How many people; None if the group is suppressed.
        shares: The fraction of them predicted as each class, by class; empty if suppressed.
        unsure: The fraction of them whose prediction is unsure; None if suppressed.
    """

    source: str
    minute: int | None
    num_faces: int | None = None
    shares: dict[str, float] = dataclasses.field(default_factory=dict)
    unsure: float | None = None

    @property
    def suppressed(self) -> bool:
        """Whether the group is too small to say anything about it."""
        return self.num_faces is None


@dataclasses.dataclass(frozen=True)
class Aggregated:
    """The result of `aggregate`.

    Attributes:
        groups: The groups, in the order in which they were seen.
        class_names: The classes, in order.
        min_faces: Smaller groups are suppressed.
        summary: Counts of files, and failures; it holds no predictions.
    """

    groups: tuple[Group, ...]
    class_names: tuple[str, ...]
    min_faces: int
    summary: Summary

    def to_csv(self) -> str:
        """Return a table with a row for each group."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("source", "minute", "num_faces", "suppressed", "unsure", *self.class_names))
        for group in self.groups:
            shares = [_shown(group.shares.get(name)) for name in self.class_names]
            about = (group.source, _shown(group.minute), _shown(group.num_faces), str(group.suppressed).lower())
            table.writerow((*about, _shown(group.unsure), *shares))
        return text.getvalue()

    def to_json(self) -> str:
        """Return the same data as JSON."""
        about = {"format": FORMAT, "version": VERSION, "min_faces": self.min_faces, "class_names": self.class_names}
        groups = [{**dataclasses.asdict(group), "suppressed": group.suppressed} for group in self.groups]
        return json.dumps({**about, "groups": groups}, indent=1, ensure_ascii=False) + "\n"


def aggregate(
    inputs: Iterable[str | Path],
    options: PredictOptions,
    *,
    min_faces: int = MIN_FACES,
    listener: Listener | None = None,
) -> Aggregated:
    """Count predictions in groups; boxes, track numbers and single predictions are not kept.

    Args:
        inputs: As for `moue.predict.predict`.
        options: How to predict; without `output`, `annotate`, `srt` and `timeline`, which reveal single faces.
        min_faces: Smaller groups are suppressed; 2 or more.
        listener: Is notified of progress and failures, but not of results.

    Raises:
        MoueError: `min_faces` is below 2, or `options` requests single faces; otherwise as `moue.predict.predict`.
    """
    if min_faces < 2:
        raise MoueError(f"groups of at least {min_faces} face", "2 or more: a single face is no group")
    if any(path is not None for path in (options.output, options.annotate, options.srt, options.timeline)):
        raise MoueError(
            "an aggregate with single faces", "no output, annotate, srt or timeline", "Write the aggregate."
        )
    counted = _Counting(listener or Listener(), options.unsure_below)
    summary = predict(inputs, options, listener=counted)
    # With few faces in all, these counts would reveal what the groups hide.
    summary.emotions = Counter({"": summary.emotions.total()})
    groups = tuple(group if (group.num_faces or 0) >= min_faces else _suppressed(group) for group in counted.groups())
    return Aggregated(groups, counted.class_names, min_faces, summary)


class _Counting(Listener):
    """Counts the results, and passes on only reports that reveal nothing about a single face.

    Args:
        inner: Receives progress and failures.
        unsure_below: As in `PredictOptions`.
    """

    def __init__(self, inner: Listener, unsure_below: float) -> None:
        self._inner, self._unsure_below = inner, unsure_below
        self.class_names: tuple[str, ...] = ()
        self._folders: dict[str, list[tuple[str, bool]]] = {}
        self._done: list[Group] = []
        self._minute: tuple[str, int] | None = None
        self._people: dict[int, list[float]] = {}
        self._predicting = False

    def began(self, analyzer: Analyzer) -> None:
        """Keep the classes."""
        self.class_names = tuple(analyzer.class_names)
        self._inner.began(analyzer)

    def progress(self, title: str, done: int, total: int | None) -> None:
        """Pass it on."""
        self._predicting = True
        self._inner.progress(title, done, total)

    def failed(self, file: str, message: str) -> None:
        """Pass it on: a file that could not be read shows no face."""
        self._inner.failed(file, message)

    def note(self, text: str) -> None:
        """Pass on notes about the inputs; later notes name single images."""
        if not self._predicting:
            self._inner.note(text)

    def result(self, result: ImageResult) -> None:
        """Count the faces of an image, or of a frame."""
        if isinstance(result, FrameResult):
            self._add_frame(result)
            return
        folder = result.file if is_address(result.file) else str(PurePath(result.file).parent)
        predictions = self._folders.setdefault(folder, [])
        predictions += [(face.emotion, face.unsure) for face in result.faces]

    def video_ended(self, file: str, timeline: Timeline, class_names: Sequence[str]) -> None:
        """End the last minute."""
        self._end_minute()
        self._inner.video_ended(file, timeline, class_names)

    def groups(self) -> list[Group]:
        """Return the folders, then the minutes of videos, including small groups."""
        folders = [_group(name, None, predictions, self.class_names) for name, predictions in self._folders.items()]
        return [*folders, *self._done]

    def _add_frame(self, result: FrameResult) -> None:
        if result.time_s is None:
            return
        minute = (result.file, int(result.time_s // 60))
        if minute != self._minute:
            self._end_minute()
            self._minute = minute
        for face in result.faces:
            sums = self._people.setdefault(face.track_id, [0.0] * (len(self.class_names) + 1))
            for number, value in enumerate((*face.probabilities.values(), 1.0)):
                sums[number] += value

    def _end_minute(self) -> None:
        if self._minute is None:
            return
        predictions = []
        for *sums, count in self._people.values():
            best = max(sums)
            predictions.append((self.class_names[sums.index(best)], best / count < self._unsure_below))
        self._done.append(_group(*self._minute, predictions, self.class_names))
        self._minute, self._people = None, {}


def _group(
    source: str, minute: int | None, predictions: Sequence[tuple[str, bool]], class_names: Sequence[str]
) -> Group:
    if not predictions:
        return Group(source, minute, 0)
    counts, total = Counter(name for name, _ in predictions), len(predictions)
    shares = {name: round(counts[name] / total, _DIGITS) for name in class_names}
    return Group(source, minute, total, shares, round(sum(unsure for _, unsure in predictions) / total, _DIGITS))


def _suppressed(group: Group) -> Group:
    return Group(group.source, group.minute)


def _shown(value: Any) -> str:  # noqa: ANN401 (a number or nothing)
    return "" if value is None else str(value)
