"""Random faces for timing training, whose speed does not depend on the content."""

from __future__ import annotations

import numpy as np

from moue.data.dataset import SPLIT_DTYPE, Dataset


def make_faces(count: int) -> Dataset:
    """Return random faces with votes, all in the training split."""
    rng = np.random.default_rng(0)
    return Dataset(
        images=rng.integers(0, 256, (count, 48, 48, 1), np.uint8),
        labels=rng.integers(0, 7, count).astype(np.uint8),
        split=np.full(count, "train", SPLIT_DTYPE),
        rows=np.arange(count, dtype=np.int64),
        votes=rng.multinomial(10, np.full(10, 0.1), count).astype(np.uint8),
    )
