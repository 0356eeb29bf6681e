"""Own classes with few faces: fine-tuning a shipped model against training from scratch.

    python benchmarks/own_classes.py posed --per-class 40

The folder holds images and labels.json: a list of objects with "file", "expression" and "person". In each split, a
fifth of the people is for testing and a fifth chooses the epoch; no person is in two parts.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import moue
from moue.data.splits import stratified_folds
from moue.labels import order_classes
from moue.media.decode import decode
from moue.media.pixels import fit_gray
from moue.training.backend import keras
from moue.training.config import TrainConfig
from moue.training.finetune import finetune_config, fit_to_amount

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CLASSES = ("angry", "disgust", "happy", "sad", "surprise")
SPLIT_OF_FOLD = np.array(["val", "test", "train", "train", "train"], "<U5")
FROM_SCRATCH = {"ferplus_weight": 0.0, "learning_rate": 0.02, "epochs": 40}


def read(folder: Path, per_class: int, seed: int) -> moue.Dataset:
    """Return some faces of each class, split by people."""
    rows = [row for row in json.loads((folder / "labels.json").read_text()) if row["expression"] in CLASSES]
    names = order_classes(CLASSES)
    rng = np.random.default_rng(seed)
    shuffled = [rows[k] for k in rng.permutation(len(rows))]
    kept = [row for name in names for row in [row for row in shuffled if row["expression"] == name][:per_class]]
    images = [decode(folder / row["file"]).image for row in kept]
    labels = np.array([names.index(row["expression"]) for row in kept], np.uint8)
    folds = stratified_folds(labels, [str(row["person"]) for row in kept], len(SPLIT_OF_FOLD), seed)
    return moue.Dataset(
        images=np.stack([fit_gray(image) for image in images if image is not None]),
        labels=labels,
        split=SPLIT_OF_FOLD[folds],
        rows=np.arange(len(kept)),
        class_names=names,
        source=str(folder),
    )


def train_and_predict(config: TrainConfig, data: moue.Dataset) -> NDArray[np.float32]:
    """Return the probabilities (n, K) of the best epoch for the test faces."""
    with tempfile.TemporaryDirectory() as folder:
        run = moue.train(config, data, Path(folder) / "run", export=False).run
        model = keras.saving.load_model(run / "best.keras", compile=False)
        y_prob: NDArray[np.float32] = model.predict(data.subset("test").images, verbose=0)
    return y_prob


def shipped(data: moue.Dataset, _: int) -> NDArray[np.float32]:
    """The unchanged shipped model, over these classes."""
    model = moue.Classifier.load("small")
    columns = [model.class_names.index(name) for name in data.class_names]
    return model.predict_proba(data.subset("test").images)[:, columns]


def most_frequent(data: moue.Dataset, _: int) -> NDArray[np.float32]:
    """Always the most frequent class."""
    train, test = data.subset("train"), data.subset("test")
    return np.tile(train.one_hot().mean(axis=0), (len(test), 1))


def head_alone(data: moue.Dataset, seed: int) -> NDArray[np.float32]:
    """Only the head, fitted to the frozen backbone."""
    return train_and_predict(
        finetune_config("small", data, seed=seed, epochs=1, warmup_epochs=0, learning_rate=1e-9), data
    )


def fine_tuned(data: moue.Dataset, seed: int) -> NDArray[np.float32]:
    """What moue train --from small does."""
    return train_and_predict(finetune_config("small", data, seed=seed), data)


def from_scratch(data: moue.Dataset, seed: int) -> NDArray[np.float32]:
    """The same network with random weights."""
    fitted = fit_to_amount(len(data.where("train"))) | FROM_SCRATCH
    return train_and_predict(TrainConfig.from_recipe("small", seed=seed, **fitted), data)


METHODS: tuple[Callable[[moue.Dataset, int], NDArray[np.float32]], ...] = (
    most_frequent, shipped, head_alone, fine_tuned, from_scratch,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Row:
    """One method on one split."""

    accuracy: float
    balanced: float
    nll: float
    seconds: float


def measure(method: Callable[[moue.Dataset, int], NDArray[np.float32]], data: moue.Dataset, seed: int) -> Row:
    """Train if the method needs it, and score on the test people."""
    started = time.perf_counter()
    y_prob = method(data, seed)
    labels = data.subset("test").labels
    right = y_prob.argmax(axis=1) == labels
    balanced = np.mean([right[labels == label].mean() for label in np.unique(labels)])
    nll = -np.log(np.maximum(y_prob[np.arange(len(labels)), labels], 1e-7)).mean()
    return Row(float(right.mean()), float(balanced), float(nll), time.perf_counter() - started)


def main() -> None:
    """Print a table: mean and standard deviation over the splits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-class", type=int, default=40)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[method.__name__ for method in METHODS])
    chosen = parser.parse_args()
    sets = [read(chosen.folder, chosen.per_class, seed) for seed in range(chosen.splits)]
    print(f"{len(sets[0])} faces of {len(sets[0].class_names)} classes, train {len(sets[0].where('train'))} in split 0")
    for method in METHODS:
        if method.__name__ not in chosen.only:
            continue
        rows = [measure(method, data, seed) for seed, data in enumerate(sets)]
        print(f"{method.__name__:<14}", end="")
        for name in ("accuracy", "balanced", "nll", "seconds"):
            values = np.array([getattr(row, name) for row in rows])
            print(f"  {name} {values.mean():.3f} ± {values.std(ddof=1):.3f}", end="")
        print(f"  {[round(row.accuracy, 3) for row in rows]}", flush=True)


if __name__ == "__main__":
    main()
