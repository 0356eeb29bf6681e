"""Selects the faces of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moue.errors import SettingError

if TYPE_CHECKING:
    from moue.data.dataset import Dataset


def refuse_fraction(fraction: float) -> None:
    """Raise `SettingError` if a fraction of the training faces is out of range."""
    if not 0 < fraction <= 1:
        raise SettingError(f"fraction = {fraction}", "above 0 and at most 1", "1 takes all training faces.")


def study_faces(dataset: Dataset, fraction: float = 1.0, seed: int = 0) -> Dataset:
    """Return the faces of a study: training and validation, without the test split.

    Validation faces that are also in training, pixel for pixel, are left out, since a model may have memorised them.

    Args:
        dataset: Faces with a "train" and a "val" split.
        fraction: The part of the training faces, drawn from each class, above 0 and at most 1.
        seed: Seed of the draw.

    Raises:
        SettingError: a wrong fraction.
    """
    refuse_fraction(fraction)
    validation = dataset.where("val")[~dataset.has_twin("val")]
    training = dataset.where("train")
    if fraction < 1:
        rng = np.random.default_rng(seed)
        labels = dataset.labels[training]
        groups = [training[labels == label] for label in np.unique(labels)]
        parts = [rng.permutation(group)[: max(1, round(fraction * len(group)))] for group in groups]
        training = np.sort(np.concatenate(parts))
    return dataset.take(np.sort(np.concatenate([training, validation])))
