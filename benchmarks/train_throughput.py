"""Training throughput of moue against a bare `model.fit` on in-memory arrays, alternating in one run.

    python benchmarks/train_throughput.py [FACES] [ROUNDS]

Trains `seed_cnn` for one epoch on random faces (3,840 and 3 rounds by default) each way, and prints the medians and
their ratio. Run it with TF_ENABLE_ONEDNN_OPTS=0 to see the effect of TensorFlow's oneDNN kernels.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from moue.training.backend import import_keras
from moue.training.batches import Feed
from moue.training.callbacks import Keeper, RememberingEarlyStopping, Reseeder
from moue.training.config import TrainConfig
from moue.training.models import build_model
from moue.training.run_folder import RunFolder
from moue.training.targets import make_targets
from random_faces import make_faces

NUM_VALIDATION = 256


def compiled() -> Any:
    """Return a new compiled model."""
    model = build_model("seed_cnn")
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def time_fit(model: Any, *data: Any, **arguments: Any) -> tuple[float, float]:
    """Return wall and CPU seconds of one epoch, after a warm-up epoch."""
    model.fit(*data, epochs=1, verbose=0, **(arguments | {"callbacks": []}))
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(*data, epochs=1, verbose=0, **arguments)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Alternate the two ways and print medians and ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3840
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    import_keras()
    faces, held_out = make_faces(count), make_faces(NUM_VALIDATION)
    validation = (held_out.images, held_out.one_hot())
    config = TrainConfig()
    bare, whole = compiled(), compiled()
    seconds: dict[str, list[tuple[float, float]]] = {"bare": [], "moue": []}
    for _ in range(rounds):
        seconds["bare"].append(
            time_fit(bare, faces.images, faces.one_hot(), batch_size=128, validation_data=validation)
        )
        with tempfile.TemporaryDirectory() as folder:
            callbacks = [Reseeder(0), Keeper(RunFolder(Path(folder)), []), RememberingEarlyStopping(10, [])]
            feed = Feed(faces.images, make_targets(faces, config), config)
            seconds["moue"].append(time_fit(whole, feed, validation_data=validation, callbacks=callbacks))
    for name, values in seconds.items():
        wall, cpu = (statistics.median(each) for each in zip(*values, strict=True))
        print(f"{name:5} {count / wall:6.0f} images/s  wall {wall:.2f} s, CPU {cpu:.2f} s per epoch of {count} faces")
    for position, kind in enumerate(("wall", "CPU")):
        pairs = zip(seconds["moue"], seconds["bare"], strict=True)
        ratio = statistics.median(ours[position] / theirs[position] for ours, theirs in pairs)
        print(f"moue / bare, {kind} time, pair by pair: median {ratio:.3f} of {rounds}")


if __name__ == "__main__":
    main()
