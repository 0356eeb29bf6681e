"""Scores of an output against its reference, which is not always the data set's own label."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from moue.evaluation.metrics import Scores, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moue.heads import Labelled, Reference


@dataclasses.dataclass(frozen=True)
class ReferenceScores:
    """Scores of one output against its reference.

    Attributes:
        rule: How the reference was determined and which faces were left out.
        label_agreement: Fraction of the scored faces whose own label is the reference.
        scores: The scores; `scores.num_faces` faces have a reference.
    """

    rule: str
    label_agreement: float
    scores: Scores

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> ReferenceScores:
        """Rebuild the scores from what `dataclasses.asdict` returned."""
        return cls(str(value["rule"]), float(value["label_agreement"]), Scores.from_dict(value["scores"]))


def score_reference(reference: Reference, faces: Labelled) -> ReferenceScores | None:
    """Score predictions against their reference, over the faces that have one.

    Args:
        reference: What a head of `moue.heads` returned for `faces`.
        faces: The faces.

    Returns:
        The scores; None if no face has a reference.
    """
    known = np.flatnonzero(reference.y_true >= 0)
    if not len(known):
        return None
    y_true, names = reference.y_true[known], reference.class_names
    agreement = np.mean([names[y_true[k]] == faces.class_names[faces.labels[face]] for k, face in enumerate(known)])
    return ReferenceScores(reference.rule, float(agreement), score(y_true, reference.y_prob[known], names))
