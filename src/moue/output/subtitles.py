"""Subtitles (SubRip, ``.srt``) with each person's expression, for any player and the original video."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.files import write_text

if TYPE_CHECKING:
    from moue.recognition.frame_result import FrameResult

_BRIDGED_S: Final = 0.5  # a person who is missed for a shorter time has not left
_USUAL_STEP_S: Final = 0.04  # how long a video of one frame lasts


@dataclasses.dataclass
class _Stretch:
    """A time span in which a person has the same expression; it is open until a frame ends it."""

    track_id: int
    emotion: str
    begin_s: float
    end_s: float
    is_open: bool = True


class Subtitles:
    """Collects the expressions in a video, frame by frame.

    A cue lasts as long as the expressions of all people in the frame stay the same. A person who is missed for less
    than half a second, and has the same expression afterwards, keeps it in between.
    """

    def __init__(self) -> None:
        self._stretches: list[_Stretch] = []
        self._last: dict[int, _Stretch] = {}
        self._begin_s: float | None = None
        self._time_s = 0.0
        self._num_frames = 0

    def add(self, result: FrameResult) -> None:
        """Add the next frame; one that could not be read does not count."""
        if result.time_s is None or not result.width:
            return
        now = self._time_s = result.time_s
        self._begin_s = now if self._begin_s is None else self._begin_s
        self._num_frames += 1
        for stretch in self._last.values():
            if stretch.is_open:
                stretch.end_s = now
        emotions = {face.track_id: f"{face.emotion}{'?' if face.unsure else ''}" for face in result.faces}
        for track_id, emotion in emotions.items():
            before = self._last.get(track_id)
            same = before is not None and before.emotion == emotion and now - before.end_s < _BRIDGED_S
            if before is not None and same:
                before.end_s, before.is_open = now, True
                continue
            if before is not None:
                before.is_open = False
            self._last[track_id] = _Stretch(track_id, emotion, now, now)
            self._stretches.append(self._last[track_id])
        for track_id, stretch in list(self._last.items()):
            if track_id not in emotions:
                stretch.is_open = False
                if now - stretch.end_s >= _BRIDGED_S:
                    del self._last[track_id]

    def cues(self) -> list[tuple[float, float, str]]:
        """Return each cue's start and end in seconds from the start of the video, and its text: a line per person."""
        step = (self._time_s - (self._begin_s or 0.0)) / max(1, self._num_frames - 1) or _USUAL_STEP_S
        # The last frame lasts as long as the others do.
        stretches = [
            dataclasses.replace(one, end_s=one.end_s + step) if one.is_open else one for one in self._stretches
        ]
        edges = sorted({time for one in stretches for time in (one.begin_s, one.end_s)})
        cues: list[tuple[float, float, str]] = []
        waiting = iter(sorted(stretches, key=lambda one: one.begin_s))
        upcoming, shown = next(waiting, None), list[_Stretch]()
        for begin, end in itertools.pairwise(edges):
            while upcoming is not None and upcoming.begin_s <= begin:
                shown.append(upcoming)
                upcoming = next(waiting, None)
            shown = sorted((one for one in shown if one.end_s > begin), key=lambda one: one.track_id)
            if shown:
                cues.append((begin, end, "\n".join(f"#{one.track_id} {one.emotion}" for one in shown)))
        return cues

    def to_srt(self) -> str:
        """Return the cues in the SubRip format."""
        return "".join(
            f"{number}\n{_time(begin)} --> {_time(end)}\n{text}\n\n"
            for number, (begin, end, text) in enumerate(self.cues(), 1)
        )

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the cues as UTF-8; for a video without faces, the file is empty.

        Raises:
            MoueError: `path` exists and `overwrite` is false, or it cannot be written.
        """
        write_text(path, self.to_srt(), overwrite=overwrite)
        return Path(path)


def _time(seconds: float) -> str:
    """Return a time in SubRip's format: ``00:01:02,345``."""
    whole, milliseconds = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{milliseconds:03d}"
