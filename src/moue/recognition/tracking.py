"""Tracking of faces from frame to frame: each keeps its number unless it is lost for too long.

The boxes of two frames are paired so that the sum of their likenesses is greatest, as in SORT (Bewley et al. 2016,
arXiv:1602.00763), but without its motion model.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError, SettingError
from moue.recognition.assignment import assign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.recognition.face_result import FaceResult

DEFAULT_KEEP_S: Final = 1.0
# A face that moves so fast that its boxes no longer overlap is recognized within this multiple of its size.
_REACH: Final = 1.25
_MAX_GROWTH: Final = 2.0
# Below this likeness, two boxes are different faces.
_MIN_LIKENESS: Final = 0.05


@dataclasses.dataclass
class _Track:
    track_id: int
    box: tuple[float, float, float, float]
    seen_s: float


class Tracker:
    """Numbers the faces of successive frames.

    A face is recognized by its place and size, not by its looks, so somebody who leaves for longer than `keep_s` comes
    back as a new person.

    Args:
        keep_s: Seconds for which a face may be missing and still be recognized, above 0.

    Attributes:
        keep_s: As above; may be changed between two frames.

    Raises:
        MoueError: `keep_s` is not above 0.
    """

    def __init__(self, keep_s: float = DEFAULT_KEEP_S) -> None:
        if not 0 < keep_s < math.inf:
            raise SettingError(f"keep_s is {keep_s}", "seconds, above 0")
        self.keep_s = keep_s
        self.num_tracks = 0
        self._tracks: list[_Track] = []
        self._time_s = -math.inf

    def forget(self) -> None:
        """Forget all faces: the next ones are new, as after a cut."""
        self._tracks.clear()

    def update(self, faces: Sequence[FaceResult], time_s: float) -> list[int]:
        """Return the number of each face, in the same order; numbers are unique, 1 or more.

        The numbers do not depend on the order of the faces; new numbers are assigned from left to right.

        Args:
            faces: The faces of one frame; only their boxes are used.
            time_s: The frame's time in seconds, not before that of the last call.

        Raises:
            MoueError: `time_s` is before that of the last call.
        """
        if not time_s >= self._time_s:
            raise MoueError(f"a frame at {time_s} s comes after one at {self._time_s} s", "frames in their order")
        self._time_s = time_s
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= self.keep_s]
        ids = [0] * len(faces)
        order = sorted(range(len(faces)), key=lambda number: faces[number].box)
        known = self._pairs([faces[number].box for number in order])
        for place, number in enumerate(order):
            track = known.get(place)
            if track is None:
                self.num_tracks += 1
                track = _Track(self.num_tracks, faces[number].box, time_s)
                self._tracks.append(track)
            track.box, track.seen_s = faces[number].box, time_s
            ids[number] = track.track_id
        return ids

    def _pairs(self, boxes: Sequence[tuple[float, float, float, float]]) -> dict[int, _Track]:
        """Return the track of each box that has one."""
        if not boxes or not self._tracks:
            return {}
        alike = likeness(np.array([track.box for track in self._tracks]), np.array(boxes))
        # Pairs below the minimum count as 0, so no good pair is given up for two bad ones.
        alike[alike < _MIN_LIKENESS] = 0.0
        return {column: self._tracks[row] for row, column in assign(alike) if alike[row, column] > 0}


def likeness(before: NDArray[np.float64], now: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how alike the boxes of two frames are.

    This is the sum of their intersection over union (0-1) and their nearness (0-1), which is 1 if the centres coincide
    and 0 if they are further apart than a face may move. Both are 0 if one box is more than twice as large.

    Args:
        before: float (M, 4): x, y, width, height, in pixels.
        now: float (N, 4).

    Returns:
        float (M, N), 0-2.
    """
    one, other = before[:, None], now[None]
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    areas = one[..., 2:].prod(axis=-1), other[..., 2:].prod(axis=-1)
    union = areas[0] + areas[1] - shared
    size = np.sqrt(np.maximum(areas[0], areas[1]))
    apart = np.linalg.norm(one[..., :2] + one[..., 2:] / 2 - other[..., :2] - other[..., 2:] / 2, axis=-1)
    near = np.maximum(0.0, 1 - apart / np.maximum(_REACH * size, 1e-9))
    grown = np.sqrt(np.maximum(areas[0], areas[1]) / np.maximum(np.minimum(areas[0], areas[1]), 1e-9))
    alike: NDArray[np.float64] = (shared / np.maximum(union, 1e-9) + near) * (grown <= _MAX_GROWTH)
    return alike
