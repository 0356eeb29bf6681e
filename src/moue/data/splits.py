"""Splits: the words that name them, and held-out splits for data that has none."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.dataset import SPLIT_DTYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset, Split

USAGE_NAMES: Final[dict[Split, str]] = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
"""FER2013's names of the splits."""

_WORDS: Final[dict[str, Split]] = {
    **{usage.lower(): split for split, usage in USAGE_NAMES.items()},
    **dict.fromkeys(("train", "trn", "training_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "public_test"), "val"),
    **dict.fromkeys(("test", "testing", "private_test"), "test"),
}

FEW_FACES: Final = 2000
"""Below this, a fifth of the faces is held out for each split instead of a tenth, balanced over the classes."""

HOLDOUT_FRACTION: Final = 0.1
_FOLDS: Final = 5


def split_of(word: str) -> Split | None:
    """Return the split that a Usage or a folder name means, or None."""
    return _WORDS.get(word.strip().lower())


def hold_out(dataset: Dataset, wanted: Sequence[Split], people: Sequence[str] = ()) -> Dataset:
    """Return the data set with faces of its training split moved to splits that it lacks.

    Equal images always stay together, and so do the images of a person if people are known. The result depends neither
    on the order of the rows nor on chance, so the same data always gets the same splits.

    Args:
        dataset: The faces; those outside "train" keep their split.
        wanted: The splits to make: "val", or "val" and "test".
        people: The person that each face shows, if known.
    """
    part = dataset.where("train")
    split = dataset.split.astype(SPLIT_DTYPE)
    train = dataset.take(part)
    if people or len(part) < FEW_FACES:
        groups = [people[position] for position in part] if people else [item.tobytes() for item in train.pixel_digests]
        num_folds = _FOLDS if len(part) < FEW_FACES else round(1 / HOLDOUT_FRACTION)
        fold = stratified_folds(train.labels, groups, num_folds)
        for number, name in enumerate(wanted):
            split[part[fold == number]] = name
        share = f"1/{num_folds}"
        how = "person by person, balanced over the classes" if people else "balanced over the classes"
    else:
        split[part] = split_by_digest(train, wanted)
        share, how = "a tenth", "by a hash of the pixels"
    each = " each" if len(wanted) > 1 else ""
    rule = f"moved {share} of train{each} to {' and '.join(wanted)}, {how}"
    return dataclasses.replace(dataset, split=split, split_rule=rule)


def stratified_folds(
    labels: NDArray[np.integer], groups: Sequence[str] | Sequence[bytes], num_folds: int, seed: int = 0
) -> NDArray[np.int64]:
    """Return a fold for each face, int64 (N,), so that groups stay whole and classes are spread evenly.

    The largest groups are assigned first. Each goes to the fold that has the fewest faces of its classes so far.

    Args:
        labels: Class numbers (N,).
        groups: What stays together, (N,): people, videos, or hashes of equal images.
        num_folds: Number of folds.
        seed: Another seed gives other folds.
    """
    names, members = np.unique(np.array(groups, dtype=object), return_inverse=True)
    counts = np.zeros((len(names), int(labels.max(initial=0)) + 1))
    np.add.at(counts, (members, labels), 1)
    share = counts / np.maximum(counts.sum(axis=0), 1)  # so that rare classes weigh as much as frequent ones
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    filled = np.zeros((num_folds, counts.shape[1]))
    result = np.zeros(len(names), np.int64)
    for group in order:
        load = filled @ (share[group] > 0) + 1e-6 * filled.sum(axis=1)
        # Ties go to the last fold, because the first ones are held out.
        result[group] = num_folds - 1 - int(load[::-1].round(9).argmin())
        filled[result[group]] += share[group]
    return result[members]


def split_by_digest(dataset: Dataset, wanted: Sequence[Split]) -> NDArray[np.str_]:
    """Return a split for each face, str (N,): a tenth for each that is wanted, the rest "train".

    An image keeps its split when others are added to the data.

    Args:
        dataset: The faces; their current split is ignored.
        wanted: Which splits to make besides "train".
    """
    # The first 8 of each digest's 16 bytes, as a fraction of their range.
    digests = np.frombuffer(dataset.pixel_digests.tobytes(), ">u8")[::2]
    fraction = digests.astype(np.float64) / 2.0**64
    result = np.full(len(dataset), "train", SPLIT_DTYPE)
    for position, split in enumerate(wanted):
        chosen = (fraction >= position * HOLDOUT_FRACTION) & (fraction < (position + 1) * HOLDOUT_FRACTION)
        result[chosen] = split
    return result
