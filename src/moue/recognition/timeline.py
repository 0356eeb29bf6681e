"""Each person's expressions over the time of a video, in memory that does not grow with its length."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.recognition.face_result import TrackedFace
    from moue.recognition.frame_result import FrameResult

_MAX_BINS: Final = 600
_FIRST_BIN_S: Final = 0.1
_MAX_PEOPLE: Final = 256
_MAX_CUTS: Final = 10_000
_FACE_SIDE: Final = 96  # pixels of a thumbnail
_FACE_MARGIN: Final = 0.15  # of the box's longer side, around it


@dataclasses.dataclass
class Person:
    """One person of a video.

    Attributes:
        track_id: The person's number.
        first_s: When first seen.
        last_s: When last seen.
        num_frames: Number of frames in which the person was seen.
        bins: For each time bin in which the person was seen: the sums of the probabilities, in class order, and the
            number of frames.
        counts: In how many frames each class was predicted, in class order.
        face: The most confident face seen, uint8 (96, 96, 3) RGB, if frames were given.
    """

    track_id: int
    first_s: float
    last_s: float
    num_frames: int = 0
    bins: dict[int, list[float]] = dataclasses.field(default_factory=dict)
    counts: list[int] = dataclasses.field(default_factory=list)
    face: NDArray[np.uint8] | None = None
    _best_score: tuple[float, float] = (-1.0, -1.0)

    def keep_best(self, face: TrackedFace, image: NDArray[np.uint8]) -> None:
        """Keep the face if the detector, or with equal scores the model, is more confident than for those before.

        Args:
            face: The person's face in this frame.
            image: uint8 (H, W, 3) RGB, the frame.
        """
        score = (round(face.face_score, 2), face.confidence)
        if score > self._best_score:
            self._best_score, self.face = score, _thumbnail(image, face.box)

    def shares(self) -> list[float]:
        """Return the share of the frames in which each class was predicted, in class order."""
        return [count / self.num_frames for count in self.counts]

    def mean(self) -> list[float]:
        """Return the mean probability of each class over the frames, in class order."""
        sums = [sum(values) for values in zip(*self.bins.values(), strict=True)]
        return [value / sums[-1] for value in sums[:-1]]


class Timeline:
    """Sums up a video's results, frame by frame.

    Time is divided into at most 600 equal bins; if the video outgrows them, neighbouring bins are merged. If there are
    more than 256 people, those seen in the fewest frames are left out.

    Args:
        class_names: The classes, in order.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        self.bin_s = _FIRST_BIN_S
        self.begin_s: float | None = None
        self.end_s = 0.0
        self.num_frames = 0
        self.num_faces = 0
        self.num_left_out = 0
        self.cuts: list[float] = []
        """When a new scene begins, in seconds; the first 10,000."""
        self.frames: dict[int, int] = {}
        """How many frames were analyzed in each time bin."""
        self._people: dict[int, Person] = {}

    def add(self, result: FrameResult, image: NDArray[np.uint8] | None = None) -> None:
        """Add the next frame; a frame that could not be read does not count.

        Args:
            result: The result of the frame.
            image: uint8 (H, W, 3) RGB, the frame, from which the most confident face of each person is kept.

        Raises:
            MoueError: a face has other classes than the timeline.
        """
        if result.time_s is None or not result.width:
            return
        if self.begin_s is None:
            self.begin_s = result.time_s
        self.end_s = max(self.end_s, result.time_s)
        # 0.6 / 0.1 is 5.999… in floating point.
        while (place := int((result.time_s - self.begin_s) / self.bin_s + 1e-6)) >= _MAX_BINS:
            self._halve()
        if result.is_cut and len(self.cuts) < _MAX_CUTS:
            self.cuts.append(result.time_s)
        self.num_frames += 1
        self.num_faces += len(result.faces)
        self.frames[place] = self.frames.get(place, 0) + 1
        for face in result.faces:
            if tuple(face.probabilities) != self.class_names:
                raise MoueError(f"a face has the classes {', '.join(face.probabilities)}", ", ".join(self.class_names))
            person = self._count(face, place, result.time_s)
            if image is not None:
                person.keep_best(face, image)
        self._leave_out({face.track_id for face in result.faces})

    def _count(self, face: TrackedFace, place: int, time_s: float) -> Person:
        person = self._people.get(face.track_id)
        if person is None:
            person = Person(face.track_id, time_s, time_s, counts=[0] * len(self.class_names))
            self._people[face.track_id] = person
        person.last_s = time_s
        person.num_frames += 1
        person.counts[self.class_names.index(face.emotion)] += 1
        sums = person.bins.setdefault(place, [0.0] * (len(self.class_names) + 1))
        for number, value in enumerate((*face.probabilities.values(), 1.0)):
            sums[number] += value
        return person

    def people(self) -> list[Person]:
        """Return the people in the order of their numbers."""
        return sorted(self._people.values(), key=lambda person: person.track_id)

    @property
    def num_people(self) -> int:
        """How many people there are, including those that were left out."""
        return len(self._people) + self.num_left_out

    def _halve(self) -> None:
        self.bin_s *= 2
        frames: dict[int, int] = {}
        for place, count in self.frames.items():
            frames[place // 2] = frames.get(place // 2, 0) + count
        self.frames = frames
        for person in self._people.values():
            bins: dict[int, list[float]] = {}
            for place, sums in person.bins.items():
                other = bins.get(place // 2)
                bins[place // 2] = sums if other is None else [a + b for a, b in zip(sums, other, strict=True)]
            person.bins = bins

    def _leave_out(self, present: set[int]) -> None:
        while len(self._people) > max(_MAX_PEOPLE, len(present)):
            absent = (person for person in self._people.values() if person.track_id not in present)
            shortest = min(absent, key=lambda person: person.num_frames)
            del self._people[shortest.track_id]
            self.num_left_out += 1


def minutes(seconds: float) -> str:
    """Return a time as minutes and seconds, or hours, minutes and seconds: ``"1:05"``, ``"2:00:00"``."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def _thumbnail(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """Return a square around a box, shifted to lie within the frame."""
    x, y, width, height = box
    side = min(max(width, height) * (1 + 2 * _FACE_MARGIN), *image.shape[:2])
    left = min(max(0.0, x + width / 2 - side / 2), image.shape[1] - side)
    top = min(max(0.0, y + height / 2 - side / 2), image.shape[0] - side)
    size = (_FACE_SIDE, _FACE_SIDE)
    square = Image.fromarray(image).resize(size, Image.Resampling.HAMMING, (left, top, left + side, top + side))
    return np.asarray(square)
