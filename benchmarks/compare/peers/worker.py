"""Shared by the Python peers: classify the images of a task and measure the cost.

A peer is one file that ends with ``main(Peer)``. It runs as ``python PEER.py TASK.json OUT.json`` in the Python that
has its package, so nothing here imports moue.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any, Protocol

PREINSTALLED = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence", "wheel")


class Peer(Protocol):
    """A package under comparison."""

    package: str
    """Its name on PyPI."""

    def face(self, path: str) -> dict[str, float]:
        """Return the probability of each class, by the peer's own names, for an image of one face."""
        ...

    def find(self, path: str) -> list[tuple[list[float], dict[str, float]]] | None:
        """Return box (x, y, width, height) and probabilities of each face in a photo; None without a detector."""
        ...


def main(kind: type[Peer]) -> None:
    """Run the task that the command line names."""
    task: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    began = time.process_time()
    peer = kind()
    peer.face(task["faces"][0]["file"])
    start_cpu = time.process_time() - began
    faces, face_ms = timed(peer.face, task["faces"])
    photos, photo_ms = timed(peer.find, task["photos"])
    result = {
        "version": importlib.metadata.version(peer.package),
        "platform": f"Python {platform.python_version()}",
        "installed_mb": installed_mb(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "start_cpu_s": start_cpu,
        "faces": faces,
        "photos": photos,
        "face_ms": face_ms,
        "photo_ms": photo_ms,
    }
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


def timed(predict: Any, images: list[dict[str, Any]]) -> tuple[list[Any], list[float]]:
    """Return the predictions and the CPU milliseconds of each."""
    predictions, spent = [], []
    for image in images:
        began = time.process_time()
        predictions.append(predict(image["file"]))
        spent.append(1e3 * (time.process_time() - began))
    return predictions, spent


def installed_mb() -> float:
    """Return the MB in this Python's site-packages, without the packages of a new environment."""
    folder = Path(importlib.metadata.distribution("pip").locate_file(""))  # type: ignore[arg-type]
    total = 0
    for place, _, files in os.walk(folder):
        inside = Path(place).relative_to(folder).parts
        if not inside or inside[0].partition("-")[0] not in PREINSTALLED:
            total += sum((Path(place) / file).lstat().st_blocks * 512 for file in files)
    return total / 1e6
