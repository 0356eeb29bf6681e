"""Train teachers, score their ensemble, and distill students from it: all jobs for a GPU in one command.

Run: KERAS_BACKEND=jax python scripts/train_models.py FER2013_CSV FER2013NEW_CSV OUT [--set precision=mixed_bfloat16]

Made for machine time in pieces: finished runs are kept and interrupted ones are resumed, so repeat the command until it
prints that everything is done. Training runs on any backend; exporting, and so the students, also needs TensorFlow (its
CPU package is enough). Nothing here uses PrivateTest: `scripts/ship.py RUN NAME` does that, once.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Final

from commands import moue, run_script, train_or_resume

from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.files import read_json
from moue.training.run_folder import RunFolder

TEACHERS: Final = ("large", "teacher_resnet", "teacher_vgg", "teacher_efficientnet")
STUDENTS: Final = ("small_distilled", "large")
VIEWS: Final = "flip"
_ELSEWHERE: Final = "repeat the command where TensorFlow is installed, to export"
_EXPORT: Final = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}


def main() -> None:
    """Train every run that is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("votes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--teachers", nargs="+", default=TEACHERS, metavar="RECIPE")
    parser.add_argument("--students", nargs="*", default=STUDENTS, metavar="RECIPE")
    parser.add_argument(
        "--set", action="append", default=[], dest="choices", metavar="NAME=VALUE", help="for every run"
    )
    options = parser.parse_args()
    data = (options.csv, "--ferplus", options.votes)
    choices = [word for choice in options.choices for word in ("--set", choice)]

    def make(command: str, recipe: str, out: Path, *more: str | Path) -> bool:
        """Train and export; return whether the export exists."""
        words = (options.csv, "--recipe", recipe, "--ferplus", options.votes, *choices, *more)
        run = train_or_resume(out, command, *words)
        if not is_exported(run) and importlib.util.find_spec("tensorflow"):
            moue("export", run.path, *data, env=_EXPORT)
        return is_exported(run)

    teachers = [options.out / recipe for recipe in options.teachers]
    exported = [make("train", recipe, run) for recipe, run in zip(options.teachers, teachers, strict=True)]
    if not all(exported):
        sys.exit(f"the teachers are trained; {_ELSEWHERE} and distill")
    ensemble = options.out / f"ensemble-val-{VIEWS}"
    if not (ensemble / "evaluation.json").exists():
        moue("evaluate", *teachers, *data, "--split", "val", "--views", VIEWS, "--out", ensemble)
    teacher_words: list[str | Path] = [word for run in teachers for word in ("--teacher", run)] + ["--views", VIEWS]
    for recipe in options.students:
        student = options.out / f"{recipe}-taught"
        exported.append(make("distill", recipe, student, *teacher_words))
        teacher_words = ["--teacher", RunFolder(student).teacher]  # the teachers need not run again
    if not all(exported):
        sys.exit(f"everything is trained; {_ELSEWHERE}")
    print(f"\neverything is done: {options.out}")
    print("to ship one: moue export RUN … --half; python scripts/ship.py RUN NAME")


def is_exported(run: RunFolder) -> bool:
    """Whether the folder holds the best epoch's complete ONNX file and its description."""
    try:
        spec = Classifier.load(run.path).spec
    except MoueError:
        return False
    return bool(spec.scores["val"]["epoch"] == read_json(run.environment)["best_epoch"])


if __name__ == "__main__":
    run_script(main)
