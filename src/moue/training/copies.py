"""Moved copies of the training faces: a teacher answers about each of them, and the student sees the same ones.

A teacher's answers to faces that it was trained on are nearly the labels. About a copy that is turned, shifted and lit
otherwise it says more, and a student learns most from a teacher who saw what it sees (Beyer et al. 2022, "Knowledge
distillation: a good teacher is patient and consistent", arXiv:2106.05237). The copies are a function of their number
and the settings alone, so they need not be stored. What hides a face, erasing and damage, is the student's alone.
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
_CHANGES: Final = ("erasing_probability", "damage_probability", "mixup_alpha", "cutmix_alpha")
_CHUNK: Final = 256


def describe_copies(config: TrainConfig) -> dict[str, Any]:
    """Return what the copies of a configuration depend on, as JSON values; empty if it has none."""
    if not config.distill_copies:
        return {}
    return {"copies": {"number": config.distill_copies, **{name: getattr(config, name) for name in _MOVES}}}


def make_copy(images: NDArray[np.uint8], config: TrainConfig, number: int) -> NDArray[np.uint8]:
    """Return copy `number` of faces, both uint8 (N, H, W, 1), moved as configured."""
    moves = _switch_off(config, _CHANGES)
    result = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part], _ = augment(images[part], {}, moves, np.random.default_rng((number, start)))
    return result


def changes_of_copies(config: TrainConfig) -> TrainConfig:
    """Return the augmentation that a student's copies still get: all but the moves."""
    return _switch_off(config, _MOVES) if config.distill_copies else config


def _switch_off(config: TrainConfig, names: tuple[str, ...]) -> TrainConfig:
    return dataclasses.replace(config, **{name: type(getattr(config, name))() for name in names})
