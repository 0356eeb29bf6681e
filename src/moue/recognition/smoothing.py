"""Averages each person's probabilities over a window of time, so predictions do not flicker."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError, SettingError
from moue.recognition.face_result import TrackedFace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.recognition.face_result import FaceResult

DEFAULT_WINDOW_S: Final = 0.5
_ONE_MOMENT_S: Final = 1e-9


class Smoother:
    """Gives each face the mean of its person's probabilities over the last `window_s` seconds.

    The mean is over time, not over frames (trapezoidal rule: a frame counts for half of the time to its neighbours),
    so it does not depend on the frame rate. It uses past frames only, so it works with a camera. A person who is not
    seen for longer than the window is forgotten.

    Args:
        window_s: Seconds, 0 or more; 0 leaves every frame unchanged.
        unsure_below: Confidence below which a smoothed prediction is marked as unsure, 0-1.

    Raises:
        MoueError: a number is out of its range.
    """

    def __init__(self, window_s: float = DEFAULT_WINDOW_S, *, unsure_below: float = 0.5) -> None:
        if not 0 <= window_s < math.inf:
            raise SettingError(f"the window of smoothing is {window_s} s", "seconds, 0 or more")
        if not 0 <= unsure_below <= 1:
            raise SettingError(f"unsure_below is {unsure_below}", "a probability, 0-1")
        self.window_s = window_s
        self.unsure_below = unsure_below
        self._past: dict[int, deque[tuple[float, dict[str, float]]]] = {}

    def update(self, faces: Sequence[FaceResult], track_ids: Sequence[int], time_s: float) -> tuple[TrackedFace, ...]:
        """Return a frame's faces, in the same order, with smoothed probabilities, emotion, confidence and unsure.

        Args:
            faces: The faces of one frame.
            track_ids: Their numbers, as `Tracker.update` returns them.
            time_s: The frame's time in seconds, not before that of the last call.

        Raises:
            MoueError: there is not one number for each face.
        """
        if len(faces) != len(track_ids):
            raise MoueError(f"{len(track_ids)} numbers for {len(faces)} faces", "one for each face")
        # A nanosecond of tolerance: rounding must not push a frame out of a window of whole frames.
        oldest = time_s - self.window_s - 1e-9
        for track_id, face in zip(track_ids, faces, strict=True):
            self._past.setdefault(track_id, deque()).append((time_s, face.probabilities))
        for track_id, past in list(self._past.items()):
            while past and past[0][0] < oldest:
                past.popleft()
            if not past:
                del self._past[track_id]
        return tuple(
            TrackedFace.of_track(face, track_id, self._mean(track_id, face), self.unsure_below)
            for track_id, face in zip(track_ids, faces, strict=True)
        )

    def __len__(self) -> int:
        """Return how many people are remembered."""
        return len(self._past)

    def _mean(self, track_id: int, face: FaceResult) -> dict[str, float]:
        past = self._past[track_id]
        if self.window_s == 0 or len(past) == 1:
            return dict(face.probabilities)
        times = [when for when, _ in past]
        after = [*times[1:], times[-1]]
        before = [times[0], *times[:-1]]
        weights = [late - early for late, early in zip(after, before, strict=True)]
        # Frames at the same moment get equal weights; steps far below a nanosecond are too small to serve as weights.
        total = sum(weights)
        if total < _ONE_MOMENT_S:
            weights, total = [1.0] * len(past), float(len(past))
        return {
            name: sum(weight * values[name] for weight, (_, values) in zip(weights, past, strict=True)) / total
            for name in face.probabilities
        }
