"""The FER+ majority label, by the rule of Microsoft's own reader."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.evaluation.metrics import Scores, score
from moue.heads import PERCEIVED
from moue.probabilities import check_probabilities
from moue.votes import EIGHT_CLASS_RULE, EIGHT_CLASSES, MAJORITY_RULE, majority_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset


@dataclasses.dataclass(frozen=True)
class FerplusScores:
    """Figures against the FER+ majority instead of the FER2013 label.

    Attributes:
        rule: How the majority was decided and which faces were left out.
        label_agreement: Fraction of the scored faces whose FER2013 label is the FER+ majority.
        scores: The figures; `scores.num_faces` faces have a majority.
    """

    rule: str
    label_agreement: float
    scores: Scores

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> FerplusScores:
        """Read what `dataclasses.asdict` gives."""
        return cls(value["rule"], float(value["label_agreement"]), Scores.from_dict(value["scores"]))


def score_majority(
    y_prob: NDArray[np.float32], votes: NDArray[np.uint8], labels: Sequence[str], class_names: Sequence[str]
) -> FerplusScores | None:
    """Score probabilities against the FER+ majority of the faces that have one.

    Args:
        y_prob: float (N, len(class_names)).
        votes: uint8 (N, 10).
        labels: The FER2013 label of each face, by name.
        class_names: Of the columns of `y_prob`, in order: FER2013's seven, or `EIGHT_CLASSES`.

    Returns:
        The figures; None where no face has a majority.
    """
    majority = majority_labels(votes, class_names)
    known = majority >= 0
    if not known.any():
        return None
    agreement = np.mean([class_names[int(majority[k])] == labels[int(k)] for k in np.flatnonzero(known)])
    rule = EIGHT_CLASS_RULE if "contempt" in class_names else MAJORITY_RULE
    return FerplusScores(rule, float(agreement), score(majority[known], y_prob[known], tuple(class_names)))


def score_perceived(
    predict_proba: Callable[[NDArray[np.uint8]], NDArray[Any]], dataset: Dataset, split: str = "test"
) -> FerplusScores | None:
    """Score the head "perceived" by FER+'s usual test of eight classes.

    Args:
        predict_proba: Maps uint8 (n, 48, 48, 1) of 0-255 to probabilities float (n, 10) in the order of
            `FERPLUS_NAMES`; what it gives to unknown and not a face is shared out among the eight in proportion.
        dataset: The data with its votes.
        split: "test", "val" or "train".

    Returns:
        The figures; None without votes or without any majority.
    """
    part = dataset.where(split)
    if dataset.votes is None or not len(part):
        return None
    y_prob = np.concatenate(
        [predict_proba(dataset.images[some]) for some in np.array_split(part, -(-len(part) // 256))]
    )
    eight = PERCEIVED.reference(dataset.take(part), check_probabilities(y_prob)).y_prob
    labels = [dataset.class_names[label] for label in dataset.labels[part]]
    return score_majority(eight.astype(np.float32), dataset.votes[part], labels, EIGHT_CLASSES)
