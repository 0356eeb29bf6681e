"""Compare ways to fit the layer that computes `expression`, and measure how well "not a face" works.

Run: python benchmarks/expression.py FER2013_CSV FER2013NEW_CSV OTHERS_LABELS_JSON [MODEL]

OTHERS_LABELS_JSON is a list of {file, expression, person}, in a folder with face images from another data set. For each
weight of these faces in the fit, prints accuracy, mean class recall and ECE on them (five folds by person, so that no
person is in both parts), and the same on PublicTest against the FER+ majority (fitted there too: 126 parameters, about
3,500 faces). A weight of 0 leaves the other faces out. Then prints the ECE that calibrated predictions would have on so
few faces, if the faces of one person with one expression (frames of one video) are all right or all wrong; the accuracy
in each band of confidence; and the distribution of the probability of "not a face".
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


def subset(data: FitData, chosen: NDArray[np.bool_]) -> FitData:
    """Return some of the faces."""
    y_prob = {name: rows[chosen] for name, rows in data.y_prob.items()}
    return FitData(y_prob, data.targets[chosen], data.labels[chosen])


def read_others(path: Path, model: Classifier, class_names: tuple[str, ...]) -> tuple[FitData, NDArray[np.int64]]:
    """Return the other faces and the person of each."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    images = np.stack([np.asarray(Image.open(path.parent / entry["file"]).convert("L")) for entry in entries])
    y_prob = model.predict_heads(images, calibrated=False)
    labels = np.array([class_names.index(entry["expression"]) for entry in entries])
    targets = np.eye(len(class_names))[labels] * 0.9 + 0.1 / len(class_names)
    return FitData(y_prob, targets, labels), np.array([entry["person"] for entry in entries])


def held_out_predictions(
    faces: FitData, others: FitData, person: NDArray[np.int64], model: Classifier
) -> NDArray[np.float64]:
    """Return the probabilities (n, K) for the other faces, from layers fitted without faces of the same person."""
    class_names = model.class_names
    people = np.random.default_rng(0).permutation(np.unique(person))
    y_prob = np.zeros((len(others.labels), len(class_names)))
    for fold in np.array_split(people, FOLDS):
        out = np.isin(person, fold)
        expression = fit_expression(model.spec.heads, class_names, faces, subset(others, ~out))
        y_prob[out] = mix_heads(subset(others, out).y_prob, expression)
    return y_prob


def calibrated_ece(y_prob: NDArray[np.float64], groups: NDArray[np.int64], class_names: tuple[str, ...]) -> str:
    """Return the ECE of calibrated predictions, from random outcomes that are equal within each group."""
    rng = np.random.default_rng(0)
    top, confidence = y_prob.argmax(axis=1), y_prob.max(axis=1)
    errors = []
    for _ in range(DRAWS):
        right = rng.random(groups.max() + 1)[groups] < confidence
        errors.append(score(np.where(right, top, (top + 1) % len(class_names)), y_prob, class_names).ece)
    low, high = np.percentile(errors, [5, 95])
    return f"{np.mean(errors):.3f} (90 %: {low:.3f}-{high:.3f})"


def main() -> None:
    """Print the tables."""
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
            there = score(others.labels, held_out_predictions(faces, others, person, model), val.class_names)
            expression = fit_expression(model.spec.heads, val.class_names, faces, others)
        here = score(faces.labels[known], mix_heads(faces.y_prob, expression)[known], val.class_names)
        print(
            f"| {weight} | {there.accuracy:.1%} | {there.balanced_accuracy:.1%} | {there.ece:.3f} "
            f"| {here.accuracy:.1%} | {here.balanced_accuracy:.1%} |"
        )
    groups = np.unique(person * len(val.class_names) + others.labels, return_inverse=True)[1]
    y_prob = held_out_predictions(faces, others, person, model)
    least = calibrated_ece(y_prob, groups, val.class_names)
    print(f"\nperfectly calibrated, {groups.max() + 1} groups of frames: ECE {least}")
    print("| confidence from | faces | their mean confidence | right |\n|---|---|---|---|")
    for low, high in itertools.pairwise(BANDS):
        chosen = (low <= y_prob.max(axis=1)) & (y_prob.max(axis=1) < high)
        right = (y_prob.argmax(axis=1) == others.labels)[chosen]
        print(f"| {low} | {chosen.sum()} | {y_prob.max(axis=1)[chosen].mean():.1%} | {right.mean():.1%} |")
    not_face = model.predict_faces(val.images, batch_size=256).not_face
    nonfaces = val.votes[:, FERPLUS_NAMES.index("not_face")] > val.votes.sum(axis=1) / 2
    print(f"\nnot a face by majority: {nonfaces.sum()} of {len(val)} images")
    print("| not_face above | faces lost | others found |\n|---|---|---|")
    for limit in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7):
        print(f"| {limit} | {(not_face[~nonfaces] > limit).mean():.2%} | {(not_face[nonfaces] > limit).mean():.0%} |")


if __name__ == "__main__":
    main()
