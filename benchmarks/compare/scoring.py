"""Scores the predictions of a peer against FER2013's labels, the FER+ majority, and labelled photos."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.evaluation.metrics import score
from moue.faces.face import faces_from
from moue.faces.scoring import pair_faces
from moue.labels import CLASS_NAMES, class_of
from moue.votes import majority_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

UNCLEAR = "unclear"


@dataclasses.dataclass(frozen=True, eq=False)
class Sets:
    """The faces of PrivateTest to classify, and their labels.

    Attributes:
        images: uint8 (n, 48, 48, 1).
        references: Kinds of labels by name, int64 (n,); -1 leaves a face out.
        num_all: Number of faces in PrivateTest.
    """

    images: NDArray[np.uint8]
    references: dict[str, NDArray[np.int64]]
    num_all: int

    @classmethod
    def of(cls, data: Dataset, count: int) -> Sets:
        """Take all faces of PrivateTest, or `count` random ones with a fixed seed if it is not 0."""
        part = data.where("test")
        chosen = np.arange(len(part))
        if count:
            chosen = np.sort(np.random.default_rng(0).permutation(len(part))[:count])
        faces = data.take(part[chosen])
        labels = faces.labels.astype(np.int64)
        if faces.votes is None:
            raise ValueError("no votes")
        references = {
            "FER2013 label": labels,
            "label, no twins": np.where(data.has_twin("test")[chosen], -1, labels),
            "FER+ majority": majority_labels(faces.votes, CLASS_NAMES),
        }
        return cls(faces.images, references, len(part))


def probabilities(prediction: dict[str, float]) -> NDArray[np.float64] | None:
    """Return a peer's probabilities over FER2013's classes, (7,), whatever its class names; None without any."""
    shares = np.zeros(len(CLASS_NAMES))
    for name, share in prediction.items():
        known = class_of(name)
        if known in CLASS_NAMES:
            shares[CLASS_NAMES.index(known)] += share
    total = shares.sum()
    return shares / total if np.isfinite(total) and total > 0 else None


def score_faces(predictions: list[dict[str, float]], sets: Sets) -> dict[str, dict[str, float]]:
    """Return accuracy, mean class recall and ECE by reference; a face without a prediction counts as wrong."""
    rows = [probabilities(prediction) for prediction in predictions]
    is_predicted = np.array([row is not None for row in rows])
    y_prob = np.stack([np.full(7, 1 / 7) if row is None else row for row in rows])
    y_pred = np.where(is_predicted, y_prob.argmax(axis=1), -1)
    scores = {}
    for name, y_true in sets.references.items():
        known = y_true >= 0
        right = y_pred[known] == y_true[known]
        recalls = [right[y_true[known] == label].mean() for label in np.unique(y_true[known])]
        both = known & is_predicted
        scores[name] = {
            "faces": int(known.sum()),
            "answered": int(both.sum()),
            "accuracy": float(right.mean()),
            "mean_recall": float(np.mean(recalls)),
            "ece": score(y_true[both], y_prob[both]).ece if both.any() else float("nan"),
        }
    return scores


def score_photos(predictions: list[Any], entries: list[dict[str, Any]]) -> dict[str, float] | None:
    """Return the counts of found faces, false boxes and correct clear expressions, and the mean class recall."""
    if any(prediction is None for prediction in predictions):
        return None
    total = {"faces": 0, "found": 0, "false": 0, "clear": 0, "right": 0}
    rights: dict[str, list[bool]] = {}
    for entry, prediction in zip(entries, predictions, strict=True):
        wanted = faces_from([face["box"] for face in entry["faces"]])
        pairs, left = pair_faces(wanted, faces_from([box for box, _ in prediction]))
        total["faces"] += len(wanted)
        total["found"] += sum(pair is not None for pair in pairs)
        total["false"] += len(left)
        for face, pair in zip(entry["faces"], pairs, strict=True):
            if face["expression"] != UNCLEAR:
                shares = None if pair is None else probabilities(prediction[pair][1])
                right = shares is not None and CLASS_NAMES[int(shares.argmax())] == face["expression"]
                rights.setdefault(face["expression"], []).append(right)
    every = [right for values in rights.values() for right in values]
    total["clear"], total["right"] = len(every), sum(every)
    return {**total, "mean_recall": float(np.mean([np.mean(values) for values in rights.values()]))}
