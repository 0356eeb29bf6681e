"""`Robustness`: how answers change on damaged and mirrored faces, on parts of a split, and without the unsure ones."""

from __future__ import annotations

import dataclasses
from typing import Any

from moue.evaluation.corruption_errors import CorruptionErrors  # noqa: TC001 (from_plain reads the annotations)
from moue.evaluation.plain import from_plain
from moue.evaluation.selective import Selective  # noqa: TC001 (from_plain reads the annotations)
from moue.evaluation.slices import Slice  # noqa: TC001 (from_plain reads the annotations)
from moue.evaluation.voters import Voters  # noqa: TC001 (from_plain reads the annotations)


@dataclasses.dataclass(frozen=True)
class Mirror:
    """What a mirror image changes.

    Attributes:
        answer: The answer's name.
        same: Fraction of the faces that get the same class.
        distance: Mean total variation distance of the two distributions, 0 (equal) to 1.
        accuracy: Accuracy on the mirrored faces.
    """

    output: str
    same: float
    distance: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Robustness:
    """What `moue.evaluation.measure_robustness` found.

    Attributes:
        seed: The seed of the corruptions.
        views: Name of the set of views.
        unsure_below: Answers below this confidence count as unsure.
        clean: Error of each answer on the faces as they are, by its name, the one that benchmarks score first.
        rules: What each answer was scored against, by its name.
        corruptions: Errors by answer, corruption and strength.
        mean_error: Mean of these errors by answer.
        mce: Mean corruption error of the first answer; 1 is as bad as the reference. None where the reference was
            not measured on the same faces.
        relative_mce: The same of what corruption adds to the error.
        reference: What `mce` is relative to, in words; empty where there is none.
        mirror: What a mirror image changes, by answer.
        sliced: The answer that `slices` and `selective` are of: the one that people are told.
        slices: Its accuracy on parts of the split.
        selective: What leaving out unsure answers buys.
        voters: Agreement with the FER+ voters; None without votes.
    """

    seed: int
    views: str
    unsure_below: float
    clean: dict[str, float]
    rules: dict[str, str]
    corruptions: tuple[CorruptionErrors, ...]
    mean_error: dict[str, float]
    mce: float | None
    relative_mce: float | None
    reference: str
    mirror: tuple[Mirror, ...]
    sliced: str
    slices: tuple[Slice, ...]
    selective: tuple[Selective, ...]
    voters: Voters | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, value: object) -> Robustness:
        """Read what `to_dict` gave.

        Raises:
            MoueError: a field is missing or of the wrong kind.
        """
        return from_plain(cls, value)
