"""The table of the comparison, in Markdown."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoring import Sets

NAMES = {
    "moue": "moue",
    "moue_emotion": "moue, head `emotion`",
    "fer": "fer",
    "faceapi": "face-api.js",
    "human": "human",
    "deepface": "DeepFace",
    "emotiefflib": "EmotiEffLib",
    "pyfeat": "py-feat",
}


def table(results: dict[str, dict[str, Any]], sets: Sets, num_photos: int) -> str:
    """Return a table with a column for each peer that ran, then a line for each that did not."""
    rows: dict[str, list[str]] = defaultdict(list)
    for name, result in results.items():
        if "error" in result:
            continue
        rows["| |"].append(f"{NAMES.get(name, name)} {result['version']}")
        rows["|---|"].append("---")
        for cell, text in _cells(result).items():
            rows[f"| {cell} |"].append(text)
    lines = [f"{first} {' | '.join(cells)} |" for first, cells in rows.items()]
    failed = [f"- {NAMES.get(name, name)}: {result['error']}" for name, result in results.items() if "error" in result]
    if failed:
        lines += ["", "Did not install or run:", "", *failed]
    some = f"{len(sets.images):,} of {sets.num_all:,}" if len(sets.images) < sets.num_all else f"{sets.num_all:,}"
    lines += ["", f"{some} faces of PrivateTest, {num_photos} photos; {_machine()}, one thread, one process each."]
    return "\n".join(lines)


def _cells(result: dict[str, Any]) -> dict[str, str]:
    cells = {}
    for name, score in result["scores"].items():
        num_missing = score["faces"] - score["answered"]
        missing = f"; {num_missing} without a prediction" if num_missing else ""
        cells[f"{name}, {score['faces']:,} faces: accuracy"] = f"{100 * score['accuracy']:.1f} %{missing}"
        cells[f"{name}: mean class recall"] = f"{100 * score['mean_recall']:.1f} %"
        cells[f"{name}: ECE"] = f"{score['ece']:.3f}"
    photos = result["photo_scores"]
    if photos is None:
        cells["photos: faces result, false boxes"] = cells["clear expressions correct, mean class recall"] = "-"
    else:
        cells["photos: faces result, false boxes"] = f"{photos['result']} of {photos['faces']}, {photos['false']}"
        cells["clear expressions correct, mean class recall"] = (
            f"{photos['right']} of {photos['clear']}, {100 * photos['mean_recall']:.0f} %"
        )
    photo = "-" if photos is None else f"{statistics.median(result['photo_ms']):.0f} ms"
    cells["CPU per face, per photo (median)"] = f"{statistics.median(result['face_ms']):.1f} ms, {photo}"
    cells["CPU to the first result"] = f"{result['start_cpu_s']:.1f} s"
    cells["peak memory"] = f"{result['peak_mb']:.0f} MB"
    cells["installed"] = f"{result['installed_mb']:.0f} MB"
    cells["run by"] = result["platform"]
    return cells


def _machine() -> str:
    file = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", file.read_text(encoding="utf-8")) if file.exists() else []
    return f"{names[0]}, {len(names)} cores" if names else "an unnamed processor"
