"""What the FER+ votes show about the faces and their FER2013 labels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.data.dataset import SPLITS
from moue.labels import FERPLUS_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

NOT_FACE_RULE: Final = "'not_face' has more than half of the votes"
AGREEMENT_RULES: Final = {
    "faces": (
        "the column of the ten with most votes, the earlier one where votes are equal, is the label; "
        "over all faces but those that are not_face by majority"
    ),
    "all": "the same, over all rows",
    "majority": "the same, over the rows where one of the eight expressions has more than half of all votes",
}
"""How the share of faces with the same label in FER+ and in FER2013 is counted. `faces` is the one to quote."""
STRONG_VOTES: Final = 9
"""At least this many of ten votes for another expression than the label are a strong disagreement."""

_NOT_FACE: Final = FERPLUS_NAMES.index("not_face")
_UNKNOWN: Final = FERPLUS_NAMES.index("unknown")
_NUM_EXPRESSIONS: Final = 8


@dataclasses.dataclass(frozen=True)
class Agreement:
    """For how many faces of a split FER+ agrees with the FER2013 label, by one of `AGREEMENT_RULES`.

    Attributes:
        rule: A key of `AGREEMENT_RULES`.
        split: "train", "val" or "test".
        num_agreeing: Faces with the same label in both.
        num_faces: Faces that the rule counts.
    """

    rule: str
    split: str
    num_agreeing: int
    num_faces: int

    @property
    def fraction(self) -> float:
        """Share of the counted faces that agree, 0-1; 0 if none are counted."""
        return self.num_agreeing / self.num_faces if self.num_faces else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {**dataclasses.asdict(self), "fraction": self.fraction}


@dataclasses.dataclass(frozen=True)
class VoteAudit:
    """Findings from the FER+ votes; faces are given by their row numbers in the source.

    Attributes:
        not_face: Rows where "not_face" has more than half of the votes.
        unknown: Rows where "unknown" has more than half of the votes.
        no_majority: Rows where nothing has more than half of the votes.
        no_votes: Rows without any vote.
        strong_disagreement: Rows where another of the eight expressions than the label has at least `STRONG_VOTES`.
        agreement: One entry for each rule and split.
    """

    not_face: tuple[int, ...]
    unknown: tuple[int, ...]
    no_majority: tuple[int, ...]
    no_votes: tuple[int, ...]
    strong_disagreement: tuple[int, ...]
    agreement: tuple[Agreement, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the findings for JSON."""
        lists: Mapping[str, Any] = {
            field.name: list(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name != "agreement"
        }
        return {**lists, "agreement": [entry.to_dict() for entry in self.agreement], "rules": dict(AGREEMENT_RULES)}


def audit_votes(dataset: Dataset) -> VoteAudit | None:
    """Audit the FER+ votes (Barsoum et al. 2016, arXiv:1608.01041) of a data set; None if it has none."""
    if dataset.votes is None:
        return None
    votes = dataset.votes.astype(np.int64)
    total = votes.sum(axis=1)
    over_half = 2 * votes > total[:, None]
    same_label = _label_of_column(dataset.class_names)[votes.argmax(axis=1)] == dataset.labels
    same_label &= total > 0
    counted = {
        "faces": ~over_half[:, _NOT_FACE] & (total > 0),
        "all": np.ones(len(dataset), bool),
        "majority": over_half[:, :_NUM_EXPRESSIONS].any(axis=1),
    }
    strong = (votes[:, :_NUM_EXPRESSIONS].max(axis=1, initial=0) >= STRONG_VOTES) & ~same_label

    def rows(mask: NDArray[np.bool_]) -> tuple[int, ...]:
        return tuple(dataset.rows[mask].tolist())

    return VoteAudit(
        not_face=rows(over_half[:, _NOT_FACE]),
        unknown=rows(over_half[:, _UNKNOWN]),
        no_majority=rows(~over_half.any(axis=1) & (total > 0)),
        no_votes=rows(total == 0),
        strong_disagreement=rows(strong),
        agreement=tuple(
            Agreement(rule, split, int((same_label & mask)[here].sum()), int(mask[here].sum()))
            for rule, mask in counted.items()
            for split in SPLITS
            for here in [dataset.where(split)]
        ),
    )


def _label_of_column(class_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the label of each of the ten columns, int64 (10,); -1 for those that are not a class of the data."""
    return np.array([class_names.index(name) if name in class_names else -1 for name in FERPLUS_NAMES], np.int64)
