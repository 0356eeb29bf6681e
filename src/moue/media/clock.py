"""Which frames are analyzed, and when each of them is shown."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Final

from moue.errors import SettingError

# Time stamps that jump by more than this are damaged.
_MAX_JUMP_S: Final = 60.0
_MAX_LATE_S: Final = 10.0


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Which frames of a video are analyzed.

    Attributes:
        every: Every n-th frame, 1 or more.
        fps: At most this many frames per second of the video, above 0; None takes all. Not together with `every`.
        start_s: Frames shown before this time are left out; it does not affect which of the others are analyzed.
        end_s: Frames shown at this time or later are left out.
        lead_s: Seconds before `start_s` that are analyzed anyway, for tracking and smoothing.

    Raises:
        MoueError: a number is out of its range, or both `every` and `fps` are given.
    """

    every: int = 1
    fps: float | None = None
    start_s: float = 0.0
    end_s: float = math.inf
    lead_s: float = 0.0

    def __post_init__(self) -> None:
        if type(self.every) is not int or self.every < 1:
            raise SettingError(f"every is {self.every}", "a whole number, 1 or more")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise SettingError(f"fps is {self.fps}", "frames per second, above 0")
        if self.fps is not None and self.every != 1:
            raise SettingError(f"every is {self.every} and fps is {self.fps}", "one of the two", "Leave one out.")

    def rate(self, fps: float) -> float:
        """Return how many frames per second are analyzed in a video with `fps`."""
        return fps / self.every if self.fps is None else min(fps, self.fps)

    def longest_step_s(self, fps: float) -> float:
        """Return the longest time between two analyzed frames, in seconds, in a video with `fps` and no pause."""
        # Frames come in whole steps: at 29.97 fps, one per second means one per 1.001 s. 1e-9 allows for rounding.
        frames = self.every if self.fps is None else max(1, math.ceil(fps / self.fps - 1e-9))
        return frames / fps


@dataclasses.dataclass
class Clock:
    """Numbers frames and assigns times: the video's own time stamps if they are plausible, otherwise by frame rate.

    Attributes:
        fps: Frames per second.
        is_live: Use the time of arrival.
        number: The last frame's number; -1 before the first.
        time_s: Its time in seconds; it never decreases.
        busy_s: For how many seconds the caller was busy with the last frame.
    """

    fps: float
    is_live: bool = False
    number: int = -1
    time_s: float = 0.0
    busy_s: float = 0.0
    _first: float | None = None
    _origin_s: float = 0.0
    _stamp_s: float = math.nan
    _due_s: float = -math.inf

    def tick(self, stamp_s: float) -> None:
        """Advance by one frame, whose time stamp in the container is `stamp_s`."""
        self.number += 1
        if self.is_live:
            if self._first is None:
                self._first = time.monotonic()
            self.time_s = time.monotonic() - self._first
        else:
            self._set_time(stamp_s)

    def _set_time(self, stamp_s: float) -> None:
        if self.number == 0 and _MAX_JUMP_S < stamp_s < math.inf:
            self._origin_s = stamp_s
        stamp_s -= self._origin_s
        # A single stamp far ahead is damage; if the next one continues from it, it is a pause.
        continues = self._stamp_s < stamp_s <= self._stamp_s + _MAX_JUMP_S
        if self.number == 0:
            self.time_s = stamp_s if 0 < stamp_s < math.inf else 0.0
        elif self.time_s < stamp_s and (continues or stamp_s <= self.time_s + _MAX_JUMP_S):
            self.time_s = stamp_s
        else:
            self.time_s += 1 / self.fps
        self._stamp_s = stamp_s

    def num_late(self) -> int:
        """Return how many frames of a live source are too old to be analyzed."""
        return int(min(self.busy_s, _MAX_LATE_S) * self.fps) if self.is_live else 0

    def wants(self, sampling: Sampling) -> bool:
        """Return whether the current frame is analyzed; call it once for each frame."""
        return self._is_due(sampling) and self.time_s >= sampling.start_s - sampling.lead_s

    def _is_due(self, sampling: Sampling) -> bool:
        if sampling.fps is None:
            return self.number % sampling.every == 0
        # 0.1 ms of tolerance: time stamps are rounded.
        if self.time_s + 1e-4 < self._due_s:
            return False
        step = 1 / sampling.fps
        # After a pause the schedule restarts instead of catching up.
        begin = self._due_s if self.time_s - self._due_s < step else self.time_s
        self._due_s = begin + step
        return True
