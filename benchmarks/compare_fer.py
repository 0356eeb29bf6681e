"""moue and the PyPI package `fer` on the same photos in one run, each in its own Python with one thread.

Run: python benchmarks/compare_fer.py LABELS_JSON [--model RUN] [--fer-python PYTHON] [--write docs/comparison.md]

photos.py explains LABELS_JSON and when a face counts as found. Without --fer-python or --moue-python, a new environment
with only that package is made first (fer: 8 GB). Needs YuNet (moue download yunet). Prints a table in Markdown; --write
puts it between the markers of a page, --json saves all results.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moue.files import write_text
from moue.media.decode import Status
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult
from photos import UNCLEAR, pair

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {"moue": "moue (YuNet)", "fer-haar": "fer (Haar)", "fer-mtcnn": "fer (`mtcnn=True`)"}
COLD_STARTS = 5
WORKER = Path(__file__).with_name("compare_worker.py")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
) | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"}


@contextlib.contextmanager
def environment(given: str | None, package: str) -> Iterator[str]:
    """Yield the given Python, or that of a new environment with only the package."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        python = str(Path(place, "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=True)
        yield python


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return its wall seconds and CPU seconds."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | ONE_THREAD, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime


def measure(python: str, kind: str, model: str, entries: list[dict[str, Any]], rounds: int) -> dict[str, Any]:
    """Return the predictions of a package and their cost.

    Args:
        python: Where the package is installed.
        kind: A key of `KINDS`.
        model: moue's model.
        entries: The labelled photos, with their paths.
        rounds: How often each photo is timed.
    """
    with tempfile.TemporaryDirectory() as place:
        task, out = Path(place, "task.json"), Path(place, "out.json")
        photos = [{"file": entry["file"], "boxes": [face["box"] for face in entry["faces"]]} for entry in entries]
        task.write_text(json.dumps({"rounds": rounds, "photos": photos}), encoding="utf-8")
        command = [python, str(WORKER), kind]
        timed([*command, str(task), model, str(out)])
        result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    with_faces = [entry["file"] for entry in entries if entry["faces"]]
    first = min(with_faces, key=lambda file: Path(file).stat().st_size)
    starts = [timed([*command, first, model]) for _ in range(COLD_STARTS + 1)][1:]
    wall, cpu = (statistics.median(column) for column in zip(*starts, strict=True))
    return result | {"cold_start_s": wall, "cold_start_cpu_s": cpu}


def score(entries: list[dict[str, Any]], predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return counts of faces, boxes and correct expressions, and the mean accuracy of clear expressions over classes.

    Args:
        entries: The labelled photos.
        predictions: For each photo, the faces found and the expression of each labelled box.
    """
    total = dict.fromkeys(("faces", "found", "false", "clear", "right", "given_right"), 0)
    per_class: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for entry, prediction in zip(entries, predictions, strict=True):
        faces = tuple(FaceResult((box[0], box[1], box[2], box[3]), name, 1.0, {}) for box, name in prediction["found"])
        found, num_false = pair(entry, ImageResult(entry["file"], Status.OK, faces=faces))
        total["faces"] += len(found)
        total["found"] += sum(face is not None for face in found)
        total["false"] += num_false
        for label, face, given in zip(entry["faces"], found, prediction["given"], strict=True):
            wanted = label["expression"]
            if wanted != UNCLEAR:
                per_class[wanted].append((face is not None and face.emotion == wanted, given == wanted))
    clear = [right for rights in per_class.values() for right in rights]
    total["clear"] = len(clear)
    total["right"], total["given_right"] = (sum(right[way] for right in clear) for way in (0, 1))
    means = [
        statistics.fmean(statistics.fmean(r[way] for r in rights) for rights in per_class.values()) for way in (0, 1)
    ]
    return {**total, "mean_over_classes": means[0], "given_mean_over_classes": means[1]}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the table in Markdown."""
    rows: dict[str, list[str]] = defaultdict(list)
    for kind, result in results.items():
        scores, cpu_ms = result["scores"], [photo["cpu_ms"] for photo in result["photos"]]
        clear = scores["clear"]
        rows["| |"].append(f"{KINDS[kind]} {result['version']}")
        rows["| --- |"].append("---")
        rows[f"| faces found, of {scores['faces']} |"].append(f"{scores['found']}")
        rows["| false boxes |"].append(f"{scores['false']}")
        for name, key, mean in (
            (f"| clear expressions correct, of {clear} |", "right", "mean_over_classes"),
            ("| … when the true box is given |", "given_right", "given_mean_over_classes"),
        ):
            share = scores[key] / max(1, clear)
            rows[name].append(f"{scores[key]} ({share:.0%}; mean over classes {scores[mean]:.0%})")
        rows["| CPU per photo: median, mean |"].append(
            f"{statistics.median(cpu_ms):.0f} ms, {statistics.fmean(cpu_ms):.0f} ms"
        )
        rows["| start of Python to the first result: clock, CPU |"].append(
            f"{result['cold_start_s']:.2f} s, {result['cold_start_cpu_s']:.2f} s"
        )
        rows["| peak memory of the process |"].append(f"{result['peak_mb']:.0f} MB")
        rows["| installed: packages, size on the disk |"].append(
            f"{result['packages']}, {result['installed_mb']:,.0f} MB"
        )
    return "\n".join(f"{name} {' | '.join(cells)} |" for name, cells in rows.items())


def machine() -> str:
    """Return the processor and its number of cores."""
    with contextlib.suppress(OSError):
        names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        return f"{names[0]}, {len(names)} cores" if names else platform.machine()
    return platform.machine()


def write(page: Path, text: str) -> None:
    """Put a text between the markers of a page.

    Raises:
        SystemExit: the page has no markers.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{page} does not hold {BEGIN} and {END}")
    write_text(page, f"{before}{begin}\n{text}\n{end}{after}")


def main() -> int:
    """Run both packages and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--model", type=Path, default=Path("small"))
    parser.add_argument("--fer-python")
    parser.add_argument("--moue-python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    entries = json.loads(options.labels.read_text(encoding="utf-8"))
    for entry in entries:
        entry["file"] = str((options.labels.parent / entry["file"]).resolve())
    results: dict[str, dict[str, Any]] = {}
    model = str(options.model.resolve()) if options.model.exists() else str(options.model)
    with (
        environment(options.moue_python, str(Path(__file__).parents[1])) as moue,
        environment(options.fer_python, "fer") as fer,
    ):
        for kind in KINDS:
            python = moue if kind == "moue" else fer
            results[kind] = measure(python, kind, model, entries, options.rounds)
            results[kind]["scores"] = score(entries, results[kind]["photos"])
    text = f"{table(results)}\n\n{len(entries)} photos; {machine()}, one thread, Python {results['moue']['python']}."
    print(text)
    if options.write:
        write(options.write, text)
    if options.json:
        write_text(options.json, json.dumps({"machine": machine(), "results": results}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
