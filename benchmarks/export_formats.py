"""One table of exported files: size, CPU per face, accuracy on PublicTest, difference from the ONNX file.

moue export small --format litert
moue export small --format litert --half --out small-fp16.tflite
python benchmarks/export_formats.py fer2013.csv small small.tflite small-fp16.tflite
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.preprocess import prepare
from moue.data.load import load_fer2013
from moue.heads import EXPRESSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RUNS, _ROUNDS = 200, 5


def cpu_ms(model: Classifier, face: NDArray[np.float32]) -> float:
    """Return the CPU time of one face in milliseconds, one thread: the median of some rounds."""
    model.run_prepared(face)
    rounds = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(_RUNS):
            model.run_prepared(face)
        rounds.append(1e3 * (time.process_time() - start) / _RUNS)
    return statistics.median(rounds)


def main() -> None:
    """Print the table; the first file is what the others are compared with."""
    faces = load_fer2013(sys.argv[1]).subset("val")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs, {len(faces)} faces")
    print("| file | bytes | CPU per face, ms | accuracy: emotion | accuracy: expression | largest difference |")
    expected: dict[str, NDArray[np.float32]] | None = None
    for name in sys.argv[2:]:
        model = Classifier.load(name, threads=1)
        answers = model.predict_heads(faces.images, calibrated=False)
        expected = expected or answers
        difference = max(float(np.abs(answers[head] - expected[head]).max()) for head in answers)
        shares = [float((answers[head].argmax(axis=1) == faces.labels).mean()) for head in ("emotion", EXPRESSION)]
        ms = cpu_ms(model, prepare([faces.images[0]], model.input))
        scores = " | ".join(f"{share:.2%}" for share in shares)
        print(f"| {name} | {model.path.stat().st_size:,} | {ms:.2f} | {scores} | {difference:.2g} |")


if __name__ == "__main__":
    main()
