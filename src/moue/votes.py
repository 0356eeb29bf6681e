"""FER+ votes and their majority, by the rule of Microsoft's reader.

Barsoum et al. 2016, arXiv:1608.01041; the rule is `FERPlusReader._process_data` of microsoft/FERPlus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MoueError
from moue.labels import FERPLUS_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EIGHT_CLASSES: Final = FERPLUS_NAMES[:8]
"""The classes of FER+'s usual test: all but unknown and not_face."""

_RULE: Final = (
    "'majority' mode of microsoft/FERPlus src/ferplus.py: single votes are removed; the class with the most votes "
    "counts if it has more than half of the votes left; faces whose majority is unknown or not_face, or that have "
    "none, are left out"
)
EIGHT_CLASS_RULE: Final = _RULE
"""How the majority of `EIGHT_CLASSES` is determined, in words."""

MAJORITY_RULE: Final = f"{_RULE}; so are faces whose majority is a class that the data set does not have"
"""How the majority over a data set's own classes is determined, in words."""


def majority_labels(votes: NDArray[np.uint8], class_names: Sequence[str]) -> NDArray[np.int64]:
    """Return the majority class of each face as an index into `class_names`, or -1 if there is none.

    Args:
        votes: uint8 (N, 10) in the order of `FERPLUS_NAMES`.
        class_names: The classes that count.

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


def each_vote(votes: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the face and the class of every single vote, both int64 (number of votes,)."""
    face, column = np.nonzero(votes)
    times = votes[face, column].astype(np.int64)
    return np.repeat(face, times), np.repeat(column, times)
