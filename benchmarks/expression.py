"""How the layer that makes `expression` should be fitted, and what "not a face" is worth.

Run: python benchmarks/expression.py FER2013_CSV FER2013NEW_CSV OTHERS_LABELS_JSON [MODEL]

OTHERS_LABELS_JSON is a list of {file, expression, person} beside images of faces of another kind. For each weight of
these faces in the fit, prints accuracy and mean class recall on them (five folds by people, so that no one is in both
parts), their calibration, and the same on PublicTest against the FER+ majority (fitted there too: 126 numbers, some
3,500 faces). A weight of 0 leaves the other faces out. Then the ECE that a perfectly calibrated answer would show on so
few faces, where those of one person with one expression, frames of a film, are all right or all wrong; and how often
each band of confidence is right. Then how the probability of "not a face" is spread.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
from PIL import Image

from moue.classifier.classifier import Classifier
from moue.classifier.locate import DEFAULT_MODEL
from moue.data.load import load_fer2013
from moue.evaluation.metrics import score
from moue.labels import FERPLUS_NAMES
from moue.training import expression_fit
from moue.training.expression import mix_heads
from moue.training.expression_fit import FitData, fit_expression

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
DRAWS = 500
BANDS = (0.0, 0.5, 0.7, 0.9, 0.97, 1.01)


def part(answered: FitData, chosen: NDArray[np.bool_]) -> FitData:
    """Return some of the faces."""
    y_prob = {name: rows[chosen] for name, rows in answered.y_prob.items()}
    return FitData(y_prob, answered.targets[chosen], answered.labels[chosen])


def read_others(path: Path, model: Classifier, class_names: tuple[str, ...]) -> tuple[FitData, NDArray[np.int64]]:
    """Return the other faces and the person of each."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    images = np.stack([np.asarray(Image.open(path.parent / entry["file"]).convert("L")) for entry in entries])
    y_prob = model.predict_heads(images, calibrated=False)
    labels = np.array([class_names.index(entry["expression"]) for entry in entries])
    targets = np.eye(len(class_names))[labels] * 0.9 + 0.1 / len(class_names)
    return FitData(y_prob, targets, labels), np.array([entry["person"] for entry in entries])


def held_out_answers(
    faces: FitData, others: FitData, person: NDArray[np.int64], model: Classifier
) -> NDArray[np.float64]:
    """Return what is said of the other faces by layers that saw none of the same person."""
    class_names = model.class_names
    people = np.random.default_rng(0).permutation(np.unique(person))
    said = np.zeros((len(others.labels), len(class_names)))
    for fold in np.array_split(people, FOLDS):
        out = np.isin(person, fold)
        how = fit_expression(model.spec.heads, class_names, faces, part(others, ~out))
        said[out] = mix_heads(part(others, out).y_prob, how)
    return said


def least_ece(said: NDArray[np.float64], groups: NDArray[np.int64], class_names: tuple[str, ...]) -> str:
    """Draw right and wrong as often as is said, alike within a group; return the ECE that chance alone makes of it."""
    rng = np.random.default_rng(0)
    top, confidence = said.argmax(axis=1), said.max(axis=1)
    found = []
    for _ in range(DRAWS):
        right = rng.random(groups.max() + 1)[groups] < confidence
        found.append(score(np.where(right, top, (top + 1) % len(class_names)), said, class_names).ece)
    low, high = np.percentile(found, [5, 95])
    return f"{np.mean(found):.3f} (90 %: {low:.3f}-{high:.3f})"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("votes", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0])
    options = parser.parse_args()
    model = Classifier.load(options.model)
    val = load_fer2013(options.csv, ferplus=options.votes).subset("val")
    if val.votes is None:
        parser.error("there are no votes")
    faces = FitData.of_votes(val, model.predict_heads(val.images, calibrated=False))
    others, person = read_others(options.others, model, val.class_names)
    known = faces.labels >= 0
    print(
        "| weight of the others | others: accuracy | mean class recall | ECE | PublicTest, FER+ majority | balanced |"
    )
    print("|---|---|---|---|---|---|")
    for weight in options.weights:
        with mock.patch.object(expression_fit, "OTHERS_SHARE", weight):
            there = score(others.labels, held_out_answers(faces, others, person, model), val.class_names)
            how = fit_expression(model.spec.heads, val.class_names, faces, others)
        here = score(faces.labels[known], mix_heads(faces.y_prob, how)[known], val.class_names)
        print(
            f"| {weight} | {there.accuracy:.1%} | {there.balanced_accuracy:.1%} | {there.ece:.3f} "
            f"| {here.accuracy:.1%} | {here.balanced_accuracy:.1%} |"
        )
    groups = np.unique(person * len(val.class_names) + others.labels, return_inverse=True)[1]
    said = held_out_answers(faces, others, person, model)
    least = least_ece(said, groups, val.class_names)
    print(f"\nperfectly calibrated, {groups.max() + 1} groups of frames: ECE {least}")
    print("| confidence from | faces | their mean confidence | right |\n|---|---|---|---|")
    for low, high in itertools.pairwise(BANDS):
        chosen = (low <= said.max(axis=1)) & (said.max(axis=1) < high)
        right = (said.argmax(axis=1) == others.labels)[chosen]
        print(f"| {low} | {chosen.sum()} | {said.max(axis=1)[chosen].mean():.1%} | {right.mean():.1%} |")
    chances = model.predict_faces(val.images, batch_size=256).not_face
    nobody = val.votes[:, FERPLUS_NAMES.index("not_face")] > val.votes.sum(axis=1) / 2
    print(f"\nnot a face by majority: {nobody.sum()} of {len(val)} images")
    print("| not_face above | faces lost | others found |\n|---|---|---|")
    for limit in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
        print(f"| {limit} | {(chances[~nobody] > limit).mean():.2%} | {(chances[nobody] > limit).mean():.0%} |")


if __name__ == "__main__":
    main()
