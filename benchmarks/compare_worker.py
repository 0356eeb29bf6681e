"""Runs one package on photos in its own Python, for compare_fer.py; imports moue only to measure it.

Run: python benchmarks/compare_worker.py KIND PHOTO [MODEL]             analyses one photo and ends: a cold start
     python benchmarks/compare_worker.py KIND TASK_JSON MODEL OUT_JSON  analyses the photos of a task

KIND is moue, fer-haar or fer-mtcnn. A task is {"rounds": n, "photos": [{"file": path, "boxes": [[x, y, w, h]]}]}.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    Prediction = tuple[list[float], str]
    """Box and expression."""


class Moue:
    """moue as its documentation shows it, with one thread."""

    def __init__(self, model: str) -> None:
        from moue.classifier.classifier import Classifier
        from moue.faces import make_detector
        from moue.recognition.analyzer import Analyzer

        self._analyzer = Analyzer(Classifier.load(model, threads=1), make_detector("yunet"))

    def find(self, path: str) -> list[Prediction]:
        """Return box and expression of each face."""
        return [(list(face.box), face.emotion) for face in self._analyzer.analyze(path).faces]

    def name(self, path: str, box: Sequence[float]) -> str | None:
        """Return the expression of the face in a box."""
        return self._analyzer.analyze(path, boxes=[box]).faces[0].emotion


class Fer:
    """fer as its documentation shows it, with one thread."""

    def __init__(self, *, mtcnn: bool) -> None:
        import cv2
        from fer.fer import FER  # type: ignore[import-not-found]

        if mtcnn:
            import torch

            torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._read, self._fer = cv2.imread, FER(mtcnn=mtcnn)

    def find(self, path: str) -> list[Prediction]:
        """Return box and expression of each face."""
        faces = self._fer.detect_emotions(self._read(path))
        return [([float(side) for side in face["box"]], _first(face["emotions"])) for face in faces]

    def name(self, path: str, box: Sequence[float]) -> str | None:
        """Return the expression of the face in a box, or None without a prediction."""
        faces = self._fer.detect_emotions(self._read(path), face_rectangles=[[round(side) for side in box]])
        return _first(faces[0]["emotions"]) if faces else None


def _first(emotions: dict[str, float]) -> str:
    return max(emotions, key=emotions.__getitem__)


def make(kind: str, model: str) -> Moue | Fer:
    """Load a package by its kind."""
    return Moue(model) if kind == "moue" else Fer(mtcnn=kind == "fer-mtcnn")


def installed() -> tuple[int, float]:
    """Return number and megabytes of the packages in site-packages, without those of a new environment."""
    preinstalled = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence", "wheel")
    names = {package.metadata["Name"] for package in importlib.metadata.distributions()}
    folder = Path(importlib.metadata.distribution("pip").locate_file(""))  # type: ignore[arg-type]
    total = 0
    for place, _, files in os.walk(folder):
        inside = Path(place).relative_to(folder).parts
        if inside and inside[0].partition("-")[0] in preinstalled:
            continue
        # Blocks on the disk, as `du` counts.
        total += sum((Path(place) / file).lstat().st_blocks * 512 for file in files)
    return len(names.difference(preinstalled)), total / 1e6


def run_task(kind: str, task: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the predictions of a package for a task, with the CPU time after a warm-up."""
    package = make(kind, model)
    package.find(task["photos"][0]["file"])
    photos = []
    for photo in task["photos"]:
        cpu_ms = []
        for _ in range(task["rounds"]):
            began = time.process_time()
            found = package.find(photo["file"])
            cpu_ms.append(1e3 * (time.process_time() - began))
        given = [package.name(photo["file"], box) for box in photo["boxes"]]
        photos.append({"found": found, "given": given, "cpu_ms": statistics.median(cpu_ms)})
    packages, megabytes = installed()
    return {
        "version": importlib.metadata.version(kind.partition("-")[0]),
        "python": platform.python_version(),
        "packages": packages,
        "installed_mb": megabytes,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "photos": photos,
    }


def main() -> int:
    """Analyse one photo, or the photos of a task."""
    kind, subject = sys.argv[1:3]
    model = sys.argv[3] if len(sys.argv) > 3 else ""
    if len(sys.argv) < 5:
        make(kind, model).find(subject)
        return 0
    task = json.loads(Path(subject).read_text(encoding="utf-8"))
    Path(sys.argv[4]).write_text(json.dumps(run_task(kind, task, model)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
