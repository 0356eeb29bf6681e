"""Splits: the words that name them, and held-out splits for data that comes without, chosen by a hash of the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.dataset import SPLIT_DTYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset, Split

USAGE_NAMES: Final[dict[Split, str]] = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
"""FER2013's own words."""

_WORDS: Final[dict[str, Split]] = {
    **{usage.lower(): split for split, usage in USAGE_NAMES.items()},
    **dict.fromkeys(("train", "trn", "training_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "public_test"), "val"),
    **dict.fromkeys(("test", "testing", "private_test"), "test"),
}

HOLDOUT_FRACTION: Final = 0.1
HOLDOUT_RULE: Final = "no Usage column: a tenth each to val and test, by a hash of the pixels"


def split_of(word: str) -> Split | None:
    """Return the split that a word names, as a Usage or as a folder, or None if it names none."""
    return _WORDS.get(word.strip().lower())


def split_by_digest(dataset: Dataset, splits: Sequence[Split]) -> NDArray[np.str_]:
    """Return a split for each face, str (N,): a tenth to "val", a tenth to "test" if asked for, the rest "train".

    The pixels decide, so equal images always fall into the same split, the order of the rows does not matter, and an
    image keeps its split when others are added.

    Args:
        dataset: The faces; their current split is ignored.
        splits: Which splits to make.
    """
    # The first 8 of each digest's 16 bytes, as a fraction of their range.
    digests = np.frombuffer(dataset.pixel_digests.tobytes(), ">u8")[::2]
    fraction = digests.astype(np.float64) / 2.0**64
    result = np.full(len(dataset), "train", SPLIT_DTYPE)
    held_out = [split for split in splits if split != "train"]
    for position, split in enumerate(held_out):
        chosen = (fraction >= position * HOLDOUT_FRACTION) & (fraction < (position + 1) * HOLDOUT_FRACTION)
        result[chosen] = split
    return result
