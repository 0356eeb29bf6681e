"""`Robustness`: scores on damaged and mirrored faces, on parts of a split, and without unsure predictions."""

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
    """What mirroring the faces changes.

    Attributes:
        output: The output's name.
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
    """The result of `moue.evaluation.measure_robustness`.

    Attributes:
        seed: The seed of the corruptions.
        views: Name of the set of views.
        unsure_below: Predictions below this confidence count as unsure.
        clean: Error on the undamaged faces by output; the output that benchmarks score comes first.
        rules: What each output was scored against, by its name.
        corruptions: Errors by output, corruption and strength.
        mean_error: Mean of these errors by output.
        mce: Mean corruption error of the first output; 1 is as bad as the reference. None if the reference was not
            measured on the same faces.
        relative_mce: The same, for the error that corruption adds.
        reference: What `mce` is relative to, in words; empty if there is none.
        mirror: What mirroring changes, by output.
        sliced: The output that `slices` and `selective` describe: the one that users see.
        slices: Its accuracy on parts of the split.
        selective: Its accuracy without unsure predictions.
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
        """Rebuild a result from what `to_dict` returned.

        Raises:
            MoueError: a field is missing or of the wrong kind.
        """
        return from_plain(cls, value)
