"""The FER+ majority label, by the rule of Microsoft's own reader."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MoueError
from moue.evaluation.metrics import Scores, score
from moue.labels import FERPLUS_NAMES
from moue.probabilities import check_probabilities, normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

MAJORITY_RULE: Final = (
    "'majority' mode of microsoft/FERPlus src/ferplus.py: single votes are removed; the class with the most votes "
    "counts if it has more than half of the votes left; faces whose majority is unknown or not a face, or that have "
    "none, are left out; so are faces whose majority is a class that FER2013 does not have (contempt)"
)
EIGHT_CLASSES: Final = FERPLUS_NAMES[:8]
"""The classes of FER+'s usual test: all but unknown and not a face."""
EIGHT_CLASS_RULE: Final = (
    "'majority' mode of microsoft/FERPlus src/ferplus.py: single votes are removed; the class with the most votes "
    "counts if it has more than half of the votes left; faces whose majority is unknown or not a face, or that have "
    "none, are left out"
)


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
    eight = normalised(check_probabilities(y_prob)[:, : len(EIGHT_CLASSES)])
    labels = [dataset.class_names[label] for label in dataset.labels[part]]
    return score_majority(eight.astype(np.float32), dataset.votes[part], labels, EIGHT_CLASSES)


def majority_labels(votes: NDArray[np.uint8], class_names: Sequence[str]) -> NDArray[np.int64]:
    """Return the majority class of each face as index into `class_names`, or -1 where `MAJORITY_RULE` gives none.

    Barsoum et al. 2016, arXiv:1608.01041; the rule is `FERPlusReader._process_data` of microsoft/FERPlus.

    Args:
        votes: uint8 (N, 10) in the order of `FERPLUS_NAMES`.
        class_names: The label names that may be answered.

    Returns:
        int64 (N,).

    Raises:
        MoueError: `votes` is not (N, 10).
    """
    if votes.ndim != 2 or votes.shape[1] != len(FERPLUS_NAMES):
        raise MoueError(f"votes are {votes.shape}", f"(N, {len(FERPLUS_NAMES)}): {', '.join(FERPLUS_NAMES)}")
    kept: NDArray[Any] = np.where(votes > 1, votes, 0).astype(np.int64)
    has_majority = 2 * kept.max(axis=1) > kept.sum(axis=1)
    names = list(class_names)
    position = np.array([names.index(name) if name in names else -1 for name in FERPLUS_NAMES], dtype=np.int64)
    return np.where(has_majority, position[kept.argmax(axis=1)], -1)
