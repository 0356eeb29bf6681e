"""The data of a timeline: as CSV, one row per person and time step; as JSON, also with cuts and shares of time."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.files import refuse_suffix, write_text
from moue.output.timeline_plot import plot_timeline

if TYPE_CHECKING:
    from moue.recognition.timeline import Person, Timeline

FORMAT: Final = "moue-timeline"
VERSION: Final = 1
SUFFIXES: Final = (".csv", ".json", ".png")
_DIGITS: Final = 6


def write_timeline(timeline: Timeline, path: str | Path, *, title: str = "", overwrite: bool = False) -> Path:
    """Write a timeline as ``.csv``, ``.json`` or ``.png``; return its path.

    Args:
        timeline: The timeline of a video, after its last frame.
        path: The file; its suffix chooses the format.
        title: The title of the plot, and `video` in the JSON file.
        overwrite: Replace an existing file.

    Raises:
        MoueError: the suffix is unknown, `path` exists and `overwrite` is false, or as `plot_timeline`.
        MissingExtraError: the plot needs matplotlib, which is not installed.
    """
    path = Path(path)
    refuse_suffix(path, SUFFIXES)
    if path.suffix.lower() == ".png":
        return plot_timeline(timeline, path, title=title, overwrite=overwrite)
    text = timeline_csv(timeline) if path.suffix.lower() == ".csv" else timeline_json(timeline, title)
    write_text(path, text, overwrite=overwrite)
    return path


def timeline_csv(timeline: Timeline) -> str:
    """Return a table with a row for each person and each time step in which the person was seen."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = [f"prob_{name}" for name in timeline.class_names]
    table.writerow(("track_id", "begin_s", "end_s", "num_frames", "emotion", *names))
    for person in timeline.people():
        for step in _steps(timeline, person):
            values = [f"{value:.{_DIGITS}f}" for value in step["probabilities"].values()]
            head = (f"{step['begin_s']:.3f}", f"{step['end_s']:.3f}", step["num_frames"], step["emotion"])
            table.writerow((person.track_id, *head, *values))
    return text.getvalue()


def timeline_json(timeline: Timeline, video: str = "") -> str:
    """Return the same data as JSON, with the cuts, and each person's shares of time and mean probabilities."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "video": video,
        "class_names": timeline.class_names,
        "begin_s": _rounded(timeline.begin_s or 0.0),
        "end_s": _rounded(timeline.end_s),
        "step_s": timeline.bin_s,
        "num_frames": timeline.num_frames,
        "cuts_s": [_rounded(time) for time in timeline.cuts],
        "people": [
            {
                "track_id": person.track_id,
                "first_s": _rounded(person.first_s),
                "last_s": _rounded(person.last_s),
                "num_frames": person.num_frames,
                "shares": _named(timeline, person.shares()),
                "probabilities": _named(timeline, person.mean()),
                "steps": _steps(timeline, person),
            }
            for person in timeline.people()
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _steps(timeline: Timeline, person: Person) -> list[dict[str, Any]]:
    begin_s, steps = timeline.begin_s or 0.0, []
    for place, (*sums, count) in sorted(person.bins.items()):
        probabilities = _named(timeline, [value / count for value in sums])
        steps.append(
            {
                "begin_s": _rounded(begin_s + place * timeline.bin_s),
                "end_s": _rounded(begin_s + (place + 1) * timeline.bin_s),
                "num_frames": round(count),
                "emotion": max(probabilities, key=probabilities.__getitem__),
                "probabilities": probabilities,
            }
        )
    return steps


def _named(timeline: Timeline, values: list[float]) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in zip(timeline.class_names, values, strict=True)}


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
