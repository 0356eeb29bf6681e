"""Finding duplicate images: exact copies, near-duplicates and mirrored copies."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.data.dataset import IMAGE_SHAPE
from moue.errors import MoueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

NEAR_THRESHOLD: Final = 0.95
"""Minimum correlation of two near-duplicates. All of 42 inspected pairs of FER2013 from 0.94 to 0.96 show the same
photo, resized, moved, brightened or stamped. Below 0.90, most pairs are different people who look alike."""

# The quick search compares images shrunk to 12x12 and keeps pairs a little below the threshold. In FER2013, every pair
# with 0.95 or more at full size has at least 0.97 at this size, because shrinking blurs differences away.
_SMALL: Final = 12
_SMALL_SLACK: Final = 0.01
_BLOCK: Final = 512
_PAIRS_AT_ONCE: Final = 2048
MAX_CANDIDATES: Final = 500_000
"""With more candidates than this (such as frames of one video), the quick search ends early and says so."""


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """Which faces are the same image.

    Attributes:
        of: int64 (N,), number of the image that each face shows, 0 to `num_pictures` - 1, in order of first
            appearance.
        first: int64 (num_pictures,), position of the first face that shows each image, ascending.
        size: int64 (num_pictures,), how many faces show each image.
    """

    of: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]

    @property
    def num_pictures(self) -> int:
        """How many different images there are."""
        return len(self.first)

    def members(self) -> list[NDArray[np.int64]]:
        """Return the positions of the faces of each image that occurs more than once."""
        order = np.argsort(self.of, kind="stable")
        parts = np.split(order, np.cumsum(self.size)[:-1]) if len(order) else []
        return [part for part in parts if len(part) > 1]

    def count_of(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return for each image how many of its faces `mask` (N,) marks, int64 (num_pictures,)."""
        return np.bincount(self.of[mask], minlength=self.num_pictures)


@dataclasses.dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of images that are almost the same, the most similar pair first.

    Attributes:
        first: int64 (P,), position of one image.
        second: int64 (P,), position of the other.
        correlation: float32 (P,), correlation of the pixels, `NEAR_THRESHOLD` to 1; of the mirrored image if that is
            higher.
        mirrored: bool (P,), whether one is the mirror image of the other.
        complete: False if there were so many pairs that the search ended early.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    correlation: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    complete: bool

    def __len__(self) -> int:
        return len(self.first)


def exact_groups(dataset: Dataset) -> Groups:
    """Group the faces whose pixels are all equal."""
    _, first, inverse = np.unique(dataset.pixel_digests, return_index=True, return_inverse=True)
    # np.unique sorts by digest; number the images by first appearance instead.
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    of = rank[inverse]
    return Groups(of, np.sort(first), np.bincount(of, minlength=len(first)))


def near_pairs(images: NDArray[np.uint8], threshold: float = NEAR_THRESHOLD) -> NearPairs:
    """Find the pairs of images whose pixels correlate, straight or mirrored.

    The correlation (Pearson's, over the 48x48 gray values) ignores brightness and contrast. Images of one gray
    value have none and are left out. Other crops and rotated copies of a photo are not found. All pairs are first
    compared at 12x12 pixels, with one matrix product per block, and the few that remain at full size.

    Args:
        images: uint8 (N, 48, 48, 1). Pass each distinct image once: exact copies would count as pairs too.
        threshold: Minimum correlation, above 0.5 and up to 1.

    Returns:
        The pairs, each once, with positions in `images`, the earlier one first. 35,887 faces take about 10 seconds
        of CPU time.

    Raises:
        MoueError: `images` is not (N, 48, 48, 1) or `threshold` is out of range.
    """
    if images.ndim != 4 or images.shape[1:] != IMAGE_SHAPE:
        raise MoueError(f"images are {images.shape}", f"(N, {', '.join(map(str, IMAGE_SHAPE))})")
    if not 0.5 < threshold <= 1.0:
        raise MoueError(f"threshold {threshold}", "above 0.5 and up to 1")
    straight, all_straight = _search(images, threshold, mirrored=False)
    mirrored, all_mirrored = _search(images, threshold, mirrored=True)
    first = np.concatenate([straight[0], mirrored[0]])
    second = np.concatenate([straight[1], mirrored[1]])
    correlation = np.concatenate([straight[2], mirrored[2]])
    flags = np.arange(len(first)) >= len(straight[0])
    # A symmetric face may be found both ways: keep the higher correlation.
    by_pair = np.lexsort((flags, -correlation, second, first))
    key = first[by_pair] * len(images) + second[by_pair]
    kept = by_pair[np.flatnonzero(np.diff(key, prepend=-1))]
    kept = kept[np.argsort(-correlation[kept], kind="stable")]
    return NearPairs(first[kept], second[kept], correlation[kept], flags[kept], all_straight and all_mirrored)


_Pairs = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float32]"]


def _search(images: NDArray[np.uint8], threshold: float, *, mirrored: bool) -> tuple[_Pairs, bool]:
    """Return the straight or the mirrored pairs, and whether the search was complete."""
    other = _shrunk(images)
    side = other.reshape(-1, _SMALL, _SMALL)
    one = np.ascontiguousarray(side[:, :, ::-1]).reshape(other.shape) if mirrored else other
    firsts, seconds, correlations = [], [], []
    left = MAX_CANDIDATES
    for start in range(0, len(images), _BLOCK):
        similar = one[start : start + _BLOCK] @ other[start:].T
        row, column = np.nonzero(similar >= threshold - _SMALL_SLACK)
        later = column > row
        row, column = row[later][:left] + start, column[later][:left] + start
        left -= len(row)
        correlation = _correlations(images, row, column, mirrored=mirrored)
        # Rounding must not make a threshold of 1 unreachable.
        kept = correlation >= threshold - 1e-6
        firsts.append(row[kept])
        seconds.append(column[kept])
        correlations.append(np.minimum(correlation[kept], np.float32(1)))
        if left == 0:
            break
    if not firsts:
        empty = np.zeros(0, np.int64)
        return (empty, empty, np.zeros(0, np.float32)), True
    return (np.concatenate(firsts), np.concatenate(seconds), np.concatenate(correlations)), left > 0


def _shrunk(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the means of blocks of 4x4 pixels, standardised to mean 0 and length 1, float32 (N, 144)."""
    height, width, _ = IMAGE_SHAPE
    blocks = images.reshape(len(images), _SMALL, height // _SMALL, _SMALL, width // _SMALL)
    return _standardised(blocks.mean(axis=(2, 4), dtype=np.float32))


def _correlations(
    images: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64], *, mirrored: bool
) -> NDArray[np.float32]:
    result = np.empty(len(first), np.float32)
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        one, other = images[first[part]], images[second[part]]
        product = _standardised(one[:, :, ::-1] if mirrored else one) * _standardised(other)
        result[part] = product.sum(axis=1)
    return result


def _standardised(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32 (N, pixels) with mean 0 and length 1 in each row; rows of one value become 0."""
    flat = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    # In a constant image, rounding leaves a length below 0.1 gray values.
    np.divide(flat, length, out=flat, where=length > 0.1)
    flat[length[:, 0] <= 0.1] = 0
    return flat
