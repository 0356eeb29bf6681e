"""Which faces a report shows: some correct predictions, and the most confident mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORRECT_PER_CLASS: Final = 8
NUM_WRONG: Final = 24


def report_faces(y_true: NDArray[np.int64], y_prob: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Return the positions of the faces to show, int64 (m,), increasing.

    They are those of `correct_faces` and `wrong_faces` for these predictions.
    """
    index = [*correct_faces(y_true, y_prob).values(), wrong_faces(y_true, y_prob)]
    return np.unique(np.concatenate(index)).astype(np.int64)


def correct_faces(
    y_true: NDArray[np.int64], y_prob: NDArray[np.floating[Any]], count: int = CORRECT_PER_CLASS
) -> dict[int, NDArray[np.int64]]:
    """Return up to `count` correctly predicted faces for each class, spread evenly from most to least confident.

    The most confident ones alone would flatter the model.
    """
    confidence, correct = y_prob.max(axis=1), y_prob.argmax(axis=1) == y_true
    result: dict[int, NDArray[np.int64]] = {}
    for label in range(y_prob.shape[1]):
        positions = np.flatnonzero(correct & (y_true == label))
        ranked = positions[np.argsort(-confidence[positions], kind="stable")]
        steps = np.linspace(0, max(len(ranked) - 1, 0), min(count, len(ranked))).round().astype(np.int64)
        result[label] = ranked[steps]
    return result


def wrong_faces(
    y_true: NDArray[np.int64], y_prob: NDArray[np.floating[Any]], count: int = NUM_WRONG
) -> NDArray[np.int64]:
    """Return the positions of the `count` most confident mistakes, int64 (m,), the most confident first."""
    wrong = np.flatnonzero(y_prob.argmax(axis=1) != y_true)
    return wrong[np.argsort(-y_prob.max(axis=1)[wrong], kind="stable")][:count]
