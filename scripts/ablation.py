"""Measure the worth of each choice in a recipe: train the recipe again with one choice removed or added.

Run: python scripts/ablation.py FER2013_CSV FER2013NEW_CSV OUT [--recipe small] [--only NAME]… [--seed N]…
     [--set NAME=VALUE]…

Each row is its own `moue train` run in OUT/NAME-seedN. Finished rows are kept, interrupted ones are resumed, failed
ones are left out. The Markdown table shows the PublicTest accuracy of `emotion` (one view, best epoch, as training
chooses it) and its difference from the unchanged recipe. It also shows the cross-entropy of both heads on the faces
without a twin in Training, after each model's own temperature: the mean difference on the same faces, and its standard
error. 80 epochs of `small` take about 78 minutes on two cores. `--set` applies to all rows: `--set epochs=24` takes a
third of the time, but shows less of what reduces overfitting.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from commands import STOPPED, run_script, train_or_resume

from moue.classifier.classifier import Classifier
from moue.data.load import load_fer2013
from moue.files import read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset
    from moue.training.run_folder import RunFolder

_NO_AUGMENTATION: Final = (
    "flip=false", "rotation_degrees=0", "shift_fraction=0", "zoom_fraction=0", "brightness=0", "contrast=0",
    "erasing_probability=0",
)  # fmt: skip
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "as it is": (),
    "without the FER+ head": ("ferplus_weight=0",),
    "without augmentation": _NO_AUGMENTATION,
    "without erasing": ("erasing_probability=0",),
    "without turning, shifting, zooming": ("rotation_degrees=0", "shift_fraction=0", "zoom_fraction=0"),
    "without label smoothing": ("label_smoothing=0",),
    "without averaged weights": ("ema=0",),
    "without weight decay": ("weight_decay=0",),
    "without dropout": ("model_options={dropout=0.0}",),
    "with AdamW": ("optimizer=adamw", "learning_rate=0.002", "weight_decay=0.05"),
    "with mixup": ("mixup_alpha=0.2",),
    "with cutmix": ("cutmix_alpha=1.0",),
    "with class weights": ("class_weights=true",),
}
HEADS: Final = ("emotion", "perceived")
UNCHANGED: Final = next(iter(CHOICES))


def train(name: str, seed: int, options: argparse.Namespace) -> RunFolder:
    """Train or resume a row."""
    choices = [word for choice in (*CHOICES[name], *options.choices) for word in ("--set", choice)]
    words = (options.csv, "--recipe", options.recipe, "--ferplus", options.votes, "--seed", str(seed), *choices)
    folder = Path(options.out) / f"{name.replace(',', '').replace(' ', '_')}-seed{seed}"
    return train_or_resume(folder, "train", *words)


def read_faces(options: argparse.Namespace) -> Dataset:
    """Return the validation faces that are not also in Training."""
    dataset = load_fer2013(options.csv, ferplus=options.votes)
    return dataset.take(dataset.where("val")[~dataset.has_twin("val")])


def losses(runs: list[RunFolder], faces: Dataset) -> dict[str, NDArray[np.float64]]:
    """Return the cross-entropy of each face per head, (N,), averaged over the runs."""
    by_head: dict[str, list[NDArray[np.float64]]] = {}
    for run in runs:
        for head, y_prob in Classifier.load(run.path).predict_heads(faces.images).items():
            targets = faces.votes if head == "perceived" else np.eye(len(faces.class_names))[faces.labels]
            if targets is not None:
                shares = targets / np.maximum(targets.sum(axis=1, keepdims=True), 1)
                by_head.setdefault(head, []).append(-(shares * np.log(np.maximum(y_prob, 1e-12))).sum(axis=1))
    return {head: np.mean(values, axis=0) for head, values in by_head.items()}


def compare(now: NDArray[np.float64] | None, reference: NDArray[np.float64] | None) -> str:
    """Return the mean difference on the same faces and its standard error."""
    if now is None or reference is None:
        return ""
    change = now - reference
    return (
        f"{change.mean():+.3f} ± {change.std(ddof=1) / len(change) ** 0.5:.3f}" if change.any() else f"{now.mean():.3f}"
    )


def main() -> None:
    """Train the rows, and print the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv")
    parser.add_argument("votes")
    parser.add_argument("out")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--only", action="append", choices=CHOICES, metavar="NAME", help="; ".join(CHOICES))
    parser.add_argument("--seed", action="append", type=int, dest="seeds")
    parser.add_argument("--set", action="append", default=[], dest="choices", metavar="NAME=VALUE")
    options = parser.parse_args()
    title = f"{options.recipe} {' '.join(options.choices)}"
    rows = [f"| {title} | PublicTest | difference | {' | '.join(f'{head}, cross-entropy' for head in HEADS)} |"]
    rows.append("|---|---|---|---|---|")
    faces, failed = read_faces(options), []
    first_score, first_losses = 0.0, None
    for name in dict.fromkeys((UNCHANGED, *(options.only or CHOICES))):
        try:
            runs = [train(name, seed, options) for seed in options.seeds or [0]]
        except subprocess.CalledProcessError as error:
            if name == UNCHANGED or error.returncode == STOPPED:
                raise
            failed.append(name)
            continue
        scores = [float(read_json(run.environment)["best_val_accuracy"]) for run in runs]
        now = losses(runs, faces)
        first_score, first_losses = first_score or statistics.mean(scores), first_losses or now
        each = ", ".join(f"{score:.1%}" for score in scores)
        changes = " | ".join(compare(now.get(head), first_losses.get(head)) for head in HEADS)
        rows.append(f"| {name} | {each} | {100 * (statistics.mean(scores) - first_score):+.1f} | {changes} |")
        print("\n".join(["", *rows]), flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    run_script(main)
