"""A data set of drawn faces with the seven expressions, to try things out without FER2013.

The expressions are mixtures of action units (FACS, Ekman & Friesen 1978) after EMFACS's usual combinations for the
basic emotions. Everything else (person, view, light, noise) has the same random distribution for every class, so only
the expression distinguishes the classes. Weak expressions overlap, as they do in photos.

A score on these drawings shows that the code works; it says nothing about photos.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.data.dataset import IMAGE_SHAPE, SPLIT_DTYPE, Dataset
from moue.data.synthetic.draw import draw_face
from moue.data.synthetic.parts import ActionUnits, Person, View
from moue.errors import MoueError
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT_RULE: Final = "synthetic 80/10/10"
_MIN_PER_CLASS: Final = 3

# Variants of each expression at full strength.
EXPRESSIONS: Final[dict[str, tuple[ActionUnits, ...]]] = {
    "angry": (
        ActionUnits(brow_lower=1.0, lid_tighten=0.7, lid_raise=0.2, lip_press=1.0, chin_raise=0.3, corner_drop=0.3),
        ActionUnits(
            brow_lower=1.0,
            lid_tighten=0.6,
            lid_raise=0.3,
            square_mouth=1.0,
            lips_part=1.0,
            teeth=1.0,
            jaw_drop=0.2,
            upper_lip_raise=0.2,
        ),
    ),
    "disgust": (
        ActionUnits(
            brow_lower=0.45, nose_wrinkle=1.0, upper_lip_raise=1.0, lid_tighten=0.4, chin_raise=0.6, corner_drop=0.6
        ),
        ActionUnits(
            brow_lower=0.45,
            nose_wrinkle=1.0,
            upper_lip_raise=1.0,
            lid_tighten=0.4,
            lips_part=0.7,
            teeth=0.6,
            corner_drop=0.7,
        ),
    ),
    "fear": (
        ActionUnits(
            inner_brow_raise=1.0,
            outer_brow_raise=0.45,
            brow_lower=0.6,
            lid_raise=1.0,
            lip_stretch=1.0,
            lips_part=0.9,
            jaw_drop=0.12,
            teeth=0.6,
        ),
        ActionUnits(
            inner_brow_raise=1.0,
            outer_brow_raise=0.45,
            brow_lower=0.6,
            lid_raise=1.0,
            lip_stretch=0.9,
            lips_part=1.0,
            jaw_drop=0.35,
            teeth=0.25,
        ),
    ),
    "happy": (
        ActionUnits(cheek_raise=0.6, corner_pull=0.9),
        ActionUnits(cheek_raise=0.8, corner_pull=1.0, lips_part=1.0, teeth=0.85),
        ActionUnits(cheek_raise=1.0, corner_pull=1.0, lips_part=1.0, jaw_drop=0.3, teeth=0.5),
    ),
    "sad": (
        ActionUnits(inner_brow_raise=1.0, brow_lower=0.4, lids_droop=0.6, corner_drop=1.0),
        ActionUnits(inner_brow_raise=0.9, brow_lower=0.5, lids_droop=0.8, corner_drop=0.9, chin_raise=0.9),
    ),
    "surprise": (
        ActionUnits(inner_brow_raise=0.9, outer_brow_raise=1.0, lid_raise=0.9, lips_part=1.0, jaw_drop=1.0),
        ActionUnits(inner_brow_raise=0.9, outer_brow_raise=1.0, lid_raise=0.8, lips_part=1.0, jaw_drop=0.6, teeth=0.2),
    ),
    "neutral": (ActionUnits(),),
}


def synthesize(per_class: int = 200, seed: int = 0) -> Dataset:
    """Draw a data set of faces with the seven expressions.

    Each face depends only on `seed`, its class and its number within the class: the same call gives the same pixels,
    and a larger data set contains the faces of a smaller one.

    Args:
        per_class: Faces of each class, 3 or more.
        seed: Seed of the random numbers, 0 or more.

    Returns:
        7 * `per_class` faces in random order. A tenth of each class (at least one face) is "val", as many are "test",
        and the rest is "train".

    Raises:
        MoueError: `per_class` is below 3 or `seed` below 0.
    """
    if per_class < _MIN_PER_CLASS:
        raise MoueError(f"{per_class} faces per class", f"{_MIN_PER_CLASS} or more: one for each split")
    if seed < 0:
        raise MoueError(f"seed {seed}", "0 or more")
    held_out = max(1, round(per_class / 10))
    order = np.random.default_rng([seed, len(CLASS_NAMES)]).permutation(len(CLASS_NAMES) * per_class)
    labels, numbers = np.divmod(order, per_class)
    split = np.full(len(order), "train", SPLIT_DTYPE)
    split[numbers >= per_class - 2 * held_out] = "val"
    split[numbers >= per_class - held_out] = "test"
    images = np.empty((len(order), *IMAGE_SHAPE), np.uint8)
    for image, label, number in zip(images, labels.tolist(), numbers.tolist(), strict=True):
        image[:, :, 0] = _draw(CLASS_NAMES[label], np.random.default_rng([seed, label, number]))
    return Dataset(
        images=images,
        labels=labels.astype(np.uint8),
        split=split,
        rows=np.arange(len(order), dtype=np.int64),
        source=f"synthetic, per_class={per_class}, seed={seed}",
        split_rule=SPLIT_RULE,
    )


def _draw(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    # The expression comes last, so that its random numbers do not change the person or the view.
    person, view = Person.random(rng), View.random(rng)
    return draw_face(person, _expression(name, rng), view, rng)


def _expression(name: str, rng: np.random.Generator) -> ActionUnits:
    """Choose a variant of an expression at random, its strength, and the share of each muscle."""
    variants = EXPRESSIONS[name]
    variant = variants[int(rng.integers(len(variants)))]
    strength = 0.3 + 0.75 * rng.beta(2.0, 1.2)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(variant):
        value = getattr(variant, field.name)
        share = rng.normal(1.0, 0.15)
        stray = rng.normal(0.0, 0.06)
        values[field.name] = value * strength * share if value else 0.0
        if field.name not in {"teeth", "square_mouth", "lips_part", "jaw_drop"}:
            values[field.name] = max(0.0, values[field.name] + stray)
    values["teeth"] = max(0.0, variant.teeth * rng.normal(1.0, 0.15))
    return ActionUnits(**values)
