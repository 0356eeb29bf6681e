"""What the answers of a peer are worth: against FER2013's labels, the FER+ majority, and labelled photographs."""

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
    """The faces of PrivateTest that are asked about, and what is right.

    Attributes:
        images: uint8 (n, 48, 48, 1).
        references: Labels by what they are, int64 (n,); -1 leaves a face out.
        num_all: How many faces PrivateTest has.
    """

    images: NDArray[np.uint8]
    references: dict[str, NDArray[np.int64]]
    num_all: int

    @classmethod
    def of(cls, data: Dataset, count: int) -> Sets:
        """Take all faces of PrivateTest, or so many at random with a fixed seed."""
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


def probabilities(answer: dict[str, float]) -> NDArray[np.float64] | None:
    """Return a peer's answer over FER2013's classes, whatever it calls them; None if it gave none."""
    shares = np.zeros(len(CLASS_NAMES))
    for name, share in answer.items():
        known = class_of(name)
        if known in CLASS_NAMES:
            shares[CLASS_NAMES.index(known)] += share
    total = shares.sum()
    return shares / total if np.isfinite(total) and total > 0 else None


def score_faces(answers: list[dict[str, float]], sets: Sets) -> dict[str, dict[str, float]]:
    """Return accuracy, mean class recall and ECE for each reference; a face without an answer counts as wrong."""
    found = [probabilities(answer) for answer in answers]
    answered = np.array([one is not None for one in found])
    shares = np.stack([np.full(7, 1 / 7) if one is None else one for one in found])
    said = np.where(answered, shares.argmax(axis=1), -1)
    scores = {}
    for name, y_true in sets.references.items():
        known = y_true >= 0
        right = said[known] == y_true[known]
        recalls = [right[y_true[known] == label].mean() for label in np.unique(y_true[known])]
        both = known & answered
        scores[name] = {
            "faces": int(known.sum()),
            "answered": int(both.sum()),
            "accuracy": float(right.mean()),
            "mean_recall": float(np.mean(recalls)),
            "ece": score(y_true[both], shares[both]).ece if both.any() else float("nan"),
        }
    return scores


def score_photos(answers: list[Any], entries: list[dict[str, Any]]) -> dict[str, float] | None:
    """Return how many labelled faces have a box, how many boxes have none, and how many clear expressions are right."""
    if any(answer is None for answer in answers):
        return None
    total = {"faces": 0, "found": 0, "false": 0, "clear": 0, "right": 0}
    rights: dict[str, list[bool]] = {}
    for entry, answer in zip(entries, answers, strict=True):
        wanted = faces_from([face["box"] for face in entry["faces"]])
        pairs, left = pair_faces(wanted, faces_from([box for box, _ in answer]))
        total["faces"] += len(wanted)
        total["found"] += sum(pair is not None for pair in pairs)
        total["false"] += len(left)
        for face, pair in zip(entry["faces"], pairs, strict=True):
            if face["expression"] != UNCLEAR:
                shares = None if pair is None else probabilities(answer[pair][1])
                right = shares is not None and CLASS_NAMES[int(shares.argmax())] == face["expression"]
                rights.setdefault(face["expression"], []).append(right)
    every = [right for one in rights.values() for right in one]
    total["clear"], total["right"] = len(every), sum(every)
    return {**total, "mean_recall": float(np.mean([np.mean(one) for one in rights.values()]))}
