"""Accuracy on parts of a split that need no labels of people: brightness, sharpness, voter agreement and so on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.evaluation.metrics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

NUM_PARTS: Final = 4
_MIN_FACES: Final = 20  # smaller parts are left out as too noisy
_AGREEMENT: Final = (
    ("5 of 10 or fewer", 0, 0.55),
    ("6 to 7 of 10", 0.55, 0.75),
    ("8 to 9 of 10", 0.75, 0.95),
    ("10 of 10", 0.95, 2),
)


@dataclasses.dataclass(frozen=True)
class Slice:
    """One part of a split.

    Attributes:
        measure: What the faces were divided by, e.g. "brightness".
        part: Which part this is, e.g. "lowest quarter, up to 92".
        num_faces: How many faces it has.
        accuracy: Fraction of them whose prediction is the reference.
        low: Lower end of the Wilson 95 % interval of it.
        high: Upper end.
    """

    measure: str
    part: str
    num_faces: int
    accuracy: float
    low: float
    high: float


def slice_scores(
    faces: Dataset,
    correct: NDArray[np.bool_],
    *,
    twins: NDArray[np.bool_] | None = None,
    measures: Mapping[str, NDArray[np.floating[Any]]] | None = None,
) -> tuple[Slice, ...]:
    """Return the accuracy of each part of a split.

    Args:
        faces: The n faces that were scored.
        correct: Whether each prediction is correct, bool (n,).
        twins: Which faces are also in the training split, bool (n,); None if that has no meaning.
        measures: More numbers to group the faces by, by name, float (n,); NaN where there is none.
    """
    slices = [entry for name, part, mask in _voted(faces) if (entry := _slice(name, part, mask, correct)) is not None]
    if twins is not None:
        for part, mask in (("also in Training", twins), ("not in Training", ~twins)):
            slices += filter(None, [_slice("twins", part, mask, correct)])
    for name, values in {**pixel_measures(faces.images), **(measures or {})}.items():
        for part, mask in _parts(values):
            slices += filter(None, [_slice(name, part, mask, correct)])
    return tuple(slices)


def pixel_measures(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Return measures of the pixels of faces, uint8 (n, H, W, 1), by name, each float (n,).

    Brightness is the mean gray level, contrast the standard deviation, and sharpness the standard deviation of the
    Laplacian divided by the contrast.
    """
    planes = images[..., 0].astype(np.float64)
    brightness, contrast = planes.mean(axis=(1, 2)), planes.std(axis=(1, 2))
    inner = planes[:, 1:-1, 1:-1]
    around = planes[:, :-2, 1:-1] + planes[:, 2:, 1:-1] + planes[:, 1:-1, :-2] + planes[:, 1:-1, 2:]
    sharpness = (around - 4 * inner).std(axis=(1, 2)) / np.maximum(contrast, 1)
    return {"brightness": brightness, "contrast": contrast, "sharpness": sharpness}


def _voted(faces: Dataset) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Yield the parts by the share of voters who chose the class with the most votes."""
    if faces.votes is None:
        return
    votes = faces.votes.astype(np.float64)
    share = votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)
    for part, low, high in _AGREEMENT:
        yield "agreement of voters", part, (share >= low) & (share < high)


def _parts(values: NDArray[np.floating[Any]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the quarters, lowest first, then the faces without a number."""
    known = ~np.isnan(values)
    limits = np.quantile(values[known], np.arange(1, NUM_PARTS) / NUM_PARTS) if known.any() else np.zeros(0)
    index = np.searchsorted(limits, np.where(known, values, 0), side="left")
    texts = [f"{limit:.3g}" for limit in limits]
    for part in range(len(limits) + 1 if known.any() else 0):
        if part == 0:
            name = f"lowest quarter, up to {texts[0]}"
        elif part == len(limits):
            name = f"highest quarter, above {texts[-1]}"
        else:
            name = f"{texts[part - 1]} to {texts[part]}"
        yield name, known & (index == part)
    yield "none", ~known


def _slice(measure: str, part: str, mask: NDArray[np.bool_], correct: NDArray[np.bool_]) -> Slice | None:
    count = int(mask.sum())
    if count < _MIN_FACES:
        return None
    hits = int(correct[mask].sum())
    return Slice(measure, part, count, hits / count, *wilson_interval(hits, count))
