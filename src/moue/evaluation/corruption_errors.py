"""The mean corruption error: errors on damaged faces relative to those of a reference model."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.evaluation.corruptions import list_corruptions
from moue.evaluation.plain import from_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCE_NAME: Final = "corruption_reference.json"


@dataclasses.dataclass(frozen=True)
class CorruptionErrors:
    """Errors of one output under one corruption.

    Attributes:
        output: The output's name.
        corruption: A name of `moue.evaluation.corruptions.list_corruptions`.
        errors: Fraction of wrong predictions at the strengths 1 to 5.
    """

    output: str
    corruption: str
    errors: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Reference:
    """Errors of the model that the mean corruption error is relative to.

    Attributes:
        what: Which model it is, in words.
        command: How it was trained and scored.
        checksum: `Dataset.checksum` of the data.
        split: The split.
        clean: Its error on the undamaged faces.
        errors: Its errors by corruption, at the strengths 1 to 5.
    """

    what: str
    command: str
    checksum: str
    split: str
    clean: float
    errors: dict[str, tuple[float, ...]]


def find_reference(checksum: str, split: str) -> Reference | None:
    """Return the reference that was measured on exactly these faces, or None."""
    for reference in read_references():
        if (reference.checksum, reference.split) == (checksum, split):
            return reference
    return None


def find_reference_named(what: str) -> Reference | None:
    """Return the reference with this description, or None."""
    return next((reference for reference in read_references() if reference.what == what), None)


def read_references() -> tuple[Reference, ...]:
    """Return the references that ship with moue; ``scripts/robustness.py reference`` writes them."""
    file = importlib.resources.files("moue.evaluation").joinpath(REFERENCE_NAME)
    return tuple(from_plain(Reference, entry) for entry in json.loads(file.read_text(encoding="utf-8")))


def mean_corruption_error(
    errors: Mapping[str, tuple[float, ...]], reference: Reference, clean: float | None = None
) -> float:
    """Return the mean over corruptions of a model's error divided by the reference's, each summed over strengths.

    Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4.1.

    Args:
        errors: Errors by corruption, at the strengths 1 to 5.
        reference: The model that counts as 1.
        clean: The error on undamaged faces. If given, only the error that corruption adds is compared: the relative
            corruption error.
    """
    ratios = []
    for name in list_corruptions():
        base, other = (0.0, 0.0) if clean is None else (clean, reference.clean)
        ratios.append((sum(errors[name]) - 5 * base) / (sum(reference.errors[name]) - 5 * other))
    return float(np.mean(ratios))
