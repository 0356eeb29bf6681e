"""Training throughput of moue against a bare `model.fit` on in-memory arrays, alternating in one run.

    python benchmarks/train_throughput.py [FACES] [ROUNDS]

Trains `seed_cnn` for an epoch on random faces (3,840 and 3 rounds by default) each way and prints the medians and
their ratio. With TF_ENABLE_ONEDNN_OPTS=0 in front it shows what TensorFlow's oneDNN kernels bring.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from moue.training.backend import import_keras
from moue.training.callbacks import make_early_stopping, make_keeper
from moue.training.config import TrainConfig
from moue.training.feed import make_feed, make_reseeder
from moue.training.models import build_model
from moue.training.run import RunFolder
from random_faces import make_faces

NUM_VALIDATION = 256


def compiled() -> Any:
    """Return a new network, ready to train."""
    model = build_model("seed_cnn")
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def time_fit(model: Any, *data: Any, **arguments: Any) -> float:
    """Return the seconds of one epoch after one that is not counted."""
    model.fit(*data, epochs=1, verbose=0, **(arguments | {"callbacks": []}))
    start = time.perf_counter()
    model.fit(*data, epochs=1, verbose=0, **arguments)
    return time.perf_counter() - start


def main() -> None:
    """Alternate the two ways and print medians and ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3840
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    import_keras()
    faces, held_out = make_faces(count), make_faces(NUM_VALIDATION)
    validation = (held_out.images, held_out.one_hot())
    bare, whole = compiled(), compiled()
    seconds: dict[str, list[float]] = {"bare": [], "moue": []}
    for _ in range(rounds):
        seconds["bare"].append(
            time_fit(bare, faces.images, faces.one_hot(), batch_size=128, validation_data=validation)
        )
        with tempfile.TemporaryDirectory() as folder:
            callbacks = [make_reseeder(0), make_keeper(RunFolder(Path(folder)), []), make_early_stopping(10, [])]
            feed = make_feed(faces, TrainConfig())
            seconds["moue"].append(time_fit(whole, feed, validation_data=validation, callbacks=callbacks))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = [ours / theirs for ours, theirs in zip(seconds["moue"], seconds["bare"], strict=True)]
    for name, value in medians.items():
        print(f"{name:5} {count / value:8.0f} images/s  ({value:.2f} s an epoch of {count} faces, median of {rounds})")
    print(f"moue / bare, time, pair by pair: median {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
