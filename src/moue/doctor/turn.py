"""The orientation of faces, found by comparing a model's predictions for every orientation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from moue.doctor.arrays import turned_back, turns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.doctor.judge import Judge, Verdict

MAX_TRIED: Final = 150
"""Faces that are predicted in every orientation."""

_LEAST: Final = 5  # fewer faces are not conclusive
_SIDEWAYS: Final = "on their side (rotated by 90 degrees, or rows and columns swapped)"
_NEGATIVE: Final = "negatives: dark and bright are swapped"


@dataclasses.dataclass(frozen=True)
class Turn:
    """How faces are turned.

    Attributes:
        before: How well the model does on the faces as they are.
        after: How well it does on the faces turned back.
        name: What is wrong with them; empty if nothing.
        undo: The line of Python that turns them back.
        quarter: Quarter turns back, anticlockwise.
    """

    before: Verdict
    after: Verdict
    name: str = ""
    undo: str = ""
    quarter: int = 0

    @property
    def is_upright(self) -> bool:
        """Whether nothing is wrong."""
        return not self.name

    def back(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return images (N, H, W, C) as they should have been."""
        return 255 - images if self.name == _NEGATIVE else turned_back(images, self.quarter, mirrored=False)


def find_turn(judge: Judge, images: NDArray[np.uint8]) -> Turn | None:
    """Return how faces are turned, or None for too few faces.

    Mirroring cannot be detected: a mirrored face has the same expression.

    Args:
        judge: Scores the predictions.
        images: uint8 (N, H, W, C).
    """
    if len(images) < _LEAST:
        return None
    part = slice(0, MAX_TRIED)
    sample = images[part]
    before = judge.verdict(judge.predict(sample), part)
    tried = [Turn(before, judge.verdict(judge.predict(255 - sample), part), _NEGATIVE, "255 - images")]
    for name, undo, quarter, mirrored in turns():
        if name and not mirrored:
            after = judge.verdict(judge.predict(turned_back(sample, quarter, mirrored=False)), part)
            tried.append(Turn(before, after, _SIDEWAYS if quarter % 2 else name, undo, quarter))
    best = min(tried, key=lambda turn: turn.after.loss)
    return best if before.is_worse_than(best.after) else Turn(before, before)
