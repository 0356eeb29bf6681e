"""Moved copies of the training faces: a teacher classifies each copy, and the student trains on the same copies.

A teacher's predictions for faces that it was trained on are nearly the labels. For a rotated, shifted and relit copy
they hold more information, and a student learns most when its teacher sees the same input (Beyer et al. 2022,
"Knowledge distillation: a good teacher is patient and consistent", arXiv:2106.05237). A copy depends only on its number
and the settings, so it need not be stored. Erasing and damage, which hide a face, are applied only for the student.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.training.augment import augment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.training.config import TrainConfig

_MOVES: Final = ("flip", "rotation_degrees", "shift_fraction", "zoom_fraction", "brightness", "contrast")
_STUDENT_ONLY: Final = ("erasing_probability", "damage_probability", "mixup_alpha", "cutmix_alpha")
_CHUNK: Final = 256


def describe_copies(config: TrainConfig) -> dict[str, Any]:
    """Return what the copies of a configuration depend on, as JSON values; empty if it has none."""
    if not config.distill_copies:
        return {}
    return {"copies": {"number": config.distill_copies, **{name: getattr(config, name) for name in _MOVES}}}


def make_copy(images: NDArray[np.uint8], config: TrainConfig, number: int) -> NDArray[np.uint8]:
    """Return copy `number` of the faces, moved as configured; both are uint8 (N, H, W, 1)."""
    moves = _switch_off(config, _STUDENT_ONLY)
    result = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part], _ = augment(images[part], {}, moves, np.random.default_rng((number, start)))
    return result


def student_augmentation(config: TrainConfig) -> TrainConfig:
    """Return the augmentation that remains for the student: with copies, everything but the moves, except mirroring.

    A teacher predicts almost the same for a mirrored face, so mirroring the copies again doubles them at no cost.
    """
    return _switch_off(config, _MOVES[1:]) if config.distill_copies else config


def _switch_off(config: TrainConfig, names: tuple[str, ...]) -> TrainConfig:
    return dataclasses.replace(config, **{name: type(getattr(config, name))() for name in names})
