"""Data sets of random faces, and options that make each network small."""

from __future__ import annotations

import numpy as np

from moue.data.dataset import SPLIT_DTYPE, Dataset

# Options by network: the same layers in a size that converts and runs within a second or two.
NARROW = {
    "resnet": {"widths": [8, 16, 24, 32]},
    "vgg": {"widths": [8, 16, 24, 32]},
    "efficientnet": {"enlarge": 1},
}


def make_dataset(num: int = 30, seed: int = 0, **changes) -> Dataset:
    """Return random faces: six tenths to train, two each to val and test."""
    rng = np.random.default_rng(seed)
    splits = np.array((["train"] * 6 + ["val"] * 2 + ["test"] * 2) * (num // 10 + 1), SPLIT_DTYPE)[:num]
    fields = {
        "images": rng.integers(0, 256, (num, 48, 48, 1), np.uint8),
        "labels": (np.arange(num) % 7).astype(np.uint8),
        "split": splits,
        "rows": np.arange(num, dtype=np.int64),
        "source": "random",
    }
    return Dataset(**(fields | changes))
