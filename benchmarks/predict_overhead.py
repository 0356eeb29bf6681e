"""CPU time per face that moue adds to the bare network: checks, gray, resize, float32, calibration.

Run: python benchmarks/predict_overhead.py [RUN or NAME.onnx]

Both sides are timed alternately in one run, with one thread, as process CPU time; the table shows medians in
milliseconds per face. Without an argument, only the preprocessing is timed. The limit is 2 ms per face.
"""

from __future__ import annotations

import functools
import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.preprocess import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

LIMIT_MS = 2.0
ROUNDS = 15
FACES = 64


def cases() -> list[tuple[str, Sequence[NDArray[np.uint8]] | NDArray[np.uint8]]]:
    """Return the cases to measure: name and faces."""
    rng = np.random.default_rng(0)

    def noise(*shape: int) -> NDArray[np.uint8]:
        return rng.integers(0, 256, shape, dtype=np.uint8)

    photo = noise(3000, 4000, 3)
    return [
        ("batch of 64, 48x48 gray", noise(FACES, 48, 48, 1)),
        ("batch of 64, 112x112 RGB", noise(FACES, 112, 112, 3)),
        ("list of 64, 40 to 400 RGB", [noise(*rng.integers(40, 400, 2).tolist(), 3) for _ in range(FACES)]),
        ("list of 64, 4000x3000 RGB", [photo] * FACES),
        ("one, 48x48 gray", [noise(48, 48)]),
        ("one, 4000x3000 RGB", [photo]),
    ]


def median_ms(call: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return the median CPU milliseconds of two calls that take turns, after one round to warm up."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for function, taken in zip((call, other), times, strict=True):
            start = time.process_time_ns()
            function()
            if turn:
                taken.append((time.process_time_ns() - start) / 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> int:
    """Print the table; return 1 if a case is above the limit."""
    model = Classifier.load(sys.argv[1], threads=1) if len(sys.argv) > 1 else None
    print(f"{'CPU ms per face':28} {'bare network':>12} {'moue':>9} {'added':>9}")
    worst = 0.0
    for name, images in cases():
        ready = prepare(images)
        if model is None:
            whole, bare = median_ms(functools.partial(prepare, images), lambda: None)
        else:
            whole, bare = median_ms(
                functools.partial(model.predict_proba, images), functools.partial(model.run_prepared, ready)
            )
        whole, bare = whole / len(ready), bare / len(ready)
        worst = max(worst, whole - bare)
        print(f"{name:28} {bare:12.3f} {whole:9.3f} {whole - bare:9.3f}")
    print(f"worst case adds {worst:.3f} ms per face; the limit is {LIMIT_MS:.0f} ms")
    return int(worst > LIMIT_MS)


if __name__ == "__main__":
    raise SystemExit(main())
