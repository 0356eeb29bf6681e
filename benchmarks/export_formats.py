r"""One table of exported files: size, CPU per face, accuracy on PublicTest, difference from the ONNX file.

for form in litert openvino saved_model; do moue export small --format $form; done
moue export small --format litert --half --out small-fp16.tflite
moue export small --format openvino --half --out small-fp16.xml
for form in onnx litert openvino; do moue export small fer2013.csv --ferplus fer2013new.csv --format $form --int8; done
python benchmarks/export_formats.py fer2013.csv fer2013new.csv small small-int8.onnx small*.tflite small*.xml \
    small_saved_model

The CPU time is that of the process, so other programs have little effect on it. It is the median over 2,000 runs of one
face with one thread. The files take turns, so that a busy minute affects all of them.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.preprocess import prepare
from moue.classifier.spec import ModelSpec
from moue.data.load import load_fer2013
from moue.evaluation.evaluate import evaluate
from moue.heads import EXPRESSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_RUNS, _ROUNDS = 100, 20


def load(name: str) -> Classifier:
    """Load a model file or a SavedModel folder, with one thread."""
    folder = Path(name)
    if not (folder / "saved_model.pb").is_file():
        return Classifier.load(name, threads=1)
    import tensorflow as tf

    from moue.training.export_saved_model import SavedModelSession

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return Classifier(ModelSpec.load(folder / "moue.json"), SavedModelSession(folder), folder)


def size_of(path: Path) -> int:
    """Return the bytes of all files of a model, without its description."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and file.suffix != ".json")
    weights = path.with_suffix(".bin")
    return path.stat().st_size + (weights.stat().st_size if path.suffix == ".xml" else 0)


def cpu_ms(models: Sequence[Classifier], face: NDArray[np.float32]) -> list[float]:
    """Return the CPU milliseconds per face of each model."""
    rounds: list[list[float]] = [[] for _ in models]
    for _ in range(_ROUNDS):
        for model, times in zip(models, rounds, strict=True):
            model.run_prepared(face)
            for _ in range(_RUNS):
                start = time.process_time_ns()
                model.run_prepared(face)
                times.append(1e-6 * (time.process_time_ns() - start))
    return [statistics.median(times) for times in rounds]


def main() -> None:
    """Print the table; the other files are compared with the first one."""
    data, votes, *names = sys.argv[1:]
    faces = load_fer2013(data, ferplus=votes)
    images = faces.subset("val").images
    models = [load(name) for name in names]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs, {len(images)} faces")
    times = cpu_ms(models, prepare([images[0]], models[0].input))
    print("| file | bytes | CPU per face, ms | emotion | expression | largest difference | same prediction |")
    expected = models[0].predict_heads(images, calibrated=False)
    for name, model, ms in zip(names, models, times, strict=True):
        outputs = model.predict_heads(images, calibrated=False)
        difference = max(float(np.abs(outputs[head] - expected[head]).max()) for head in expected)
        same = float((outputs[EXPRESSION].argmax(axis=1) == expected[EXPRESSION].argmax(axis=1)).mean())
        scored = evaluate(model, faces, split="val")
        shares = f"{scored.accuracy:.2%} | {scored.heads[EXPRESSION].scores.accuracy:.2%}"
        print(f"| {name} | {size_of(model.path):,} | {ms:.2f} | {shares} | {difference:.2g} | {same:.2%} |", flush=True)


if __name__ == "__main__":
    main()
