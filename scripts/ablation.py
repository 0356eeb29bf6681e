"""What each choice of a recipe is worth: the recipe trained again with one choice switched off, or one added.

Run: python scripts/ablation.py FER2013_CSV FER2013NEW_CSV OUT [--recipe small] [--only NAME]… [--seed N]…
     [--set NAME=VALUE]…

Each row is a training of its own in OUT/NAME-seedN by `moue train`; rows that have ended are not made again, one that
was cut is resumed, one that fails is left out. Prints PublicTest accuracy of `emotion` (one view, best epoch, as
training chooses it) as a Markdown table, with the difference to the recipe as it is. 80 epochs of `small` take some 78
minutes on two cores. `--set` holds for all rows: with `--set epochs=24` the whole takes a third, but says less of what
tames overfitting.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

from commands import STOPPED, run_script, train_or_resume

from moue.files import read_json

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


AS_IT_IS: Final = next(iter(CHOICES))


def train(name: str, seed: int, options: argparse.Namespace) -> float:
    """Train or resume a row; return its PublicTest accuracy, 0-1."""
    choices = [word for choice in (*CHOICES[name], *options.choices) for word in ("--set", choice)]
    words = (options.csv, "--recipe", options.recipe, "--ferplus", options.votes, "--seed", str(seed), *choices)
    run = train_or_resume(Path(options.out) / f"{name.replace(',', '').replace(' ', '_')}-seed{seed}", "train", *words)
    return float(read_json(run.environment)["best_val_accuracy"])


def main() -> None:
    """Make the rows, and print each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv")
    parser.add_argument("votes")
    parser.add_argument("out")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--only", action="append", choices=CHOICES, metavar="NAME", help="; ".join(CHOICES))
    parser.add_argument("--seed", action="append", type=int, dest="seeds")
    parser.add_argument("--set", action="append", default=[], dest="choices", metavar="NAME=VALUE")
    options = parser.parse_args()
    rows = [f"| {options.recipe} {' '.join(options.choices)} | PublicTest | difference |", "|---|---|---|"]
    reference, failed = 0.0, []
    for name in dict.fromkeys((AS_IT_IS, *(options.only or CHOICES))):
        try:
            scores = [train(name, seed, options) for seed in options.seeds or [0]]
        except subprocess.CalledProcessError as error:
            if name == AS_IT_IS or error.returncode == STOPPED:
                raise
            failed.append(name)
            continue
        reference = reference or statistics.mean(scores)
        each = ", ".join(f"{score:.1%}" for score in scores)
        rows.append(f"| {name} | {each} | {100 * (statistics.mean(scores) - reference):+.1f} |")
        print("\n".join(["", *rows]), flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    run_script(main)
