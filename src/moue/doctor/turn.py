"""Which way round faces are, by what a network says of them in every position."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from moue.doctor.arrays import turned_back, turns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.doctor.judge import Judge, Verdict

MOST_TRIED: Final = 150
"""Faces that are asked about in every position."""

_LEAST: Final = 5  # fewer say nothing
_SIDEWAYS: Final = "on their side (rotated by 90 degrees, or rows and columns swapped)"
_NEGATIVE: Final = "negatives: dark and bright are swapped"


@dataclasses.dataclass(frozen=True)
class Turn:
    """How faces are turned.

    Attributes:
        before: How the network does on the faces as they are.
        after: How it does when they are turned back.
        name: What is wrong with them; empty if nothing.
        undo: The line of Python that turns them back.
        quarter: Quarters of a turn back, anticlockwise.
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

    A mirror image cannot be told from a face: expressions are the same in a mirror.

    Args:
        judge: Scores the answers.
        images: uint8 (N, H, W, C).
    """
    if len(images) < _LEAST:
        return None
    part = slice(0, MOST_TRIED)
    seen = images[part]
    before = judge.verdict(judge.ask(seen), part)
    tried = [Turn(before, judge.verdict(judge.ask(255 - seen), part), _NEGATIVE, "255 - images")]
    for name, undo, quarter, mirrored in turns():
        if name and not mirrored:
            after = judge.verdict(judge.ask(turned_back(seen, quarter, mirrored=False)), part)
            tried.append(Turn(before, after, _SIDEWAYS if quarter % 2 else name, undo, quarter))
    best = min(tried, key=lambda turn: turn.after.loss)
    return best if before.is_worse_than(best.after) else Turn(before, before)
