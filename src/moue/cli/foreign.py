"""Scoring a model on other data sets: cropped faces, classes left out, and all faces as one split."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from moue.cli import console
from moue.errors import MoueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.cli.options import ScoredSplit
    from moue.data.dataset import Dataset

_MADE_UP: Final = "moved "  # how the split rules of moue.data.splits.hold_out begin


class FaceCutter:
    """Crops the largest face in each image, as `moue train --faces` does; an image without a face is used whole.

    Args:
        model: The model, which defines the margin of the crop.

    Attributes:
        num_missed: Images in which no face was found.
    """

    def __init__(self, model: str) -> None:
        from moue.classifier.classifier import Classifier
        from moue.faces import make_detector

        self._input = Classifier.load(model).input
        self._detector = make_detector("auto")
        self.num_missed = 0

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the face, uint8 (height, width, 1), as the model's input."""
        from moue.faces.crop import cut_largest

        face, _ = cut_largest(image, self._detector, self._input)
        if face is None:
            self.num_missed += 1
            return image
        return face


def choose(dataset: Dataset, split: ScoredSplit, without: str) -> Dataset:
    """Return the data without the classes to leave out; if moue made the splits, print how many faces are scored.

    Args:
        dataset: The data.
        split: The split that the user chose.
        without: Names of classes, separated by commas; may be empty.

    Raises:
        SettingError: the data has no such class.
        MoueError: nothing is left.
    """
    for name in without.split(",") if without else ():
        dataset = _leave_out(dataset, name)
    if split != "all" and dataset.split_rule.startswith(_MADE_UP):
        count = len(dataset.where(split.value))
        console.note(f"{count:,} of {len(dataset):,} faces are in the split {split.value}; --split all scores all")
    return dataset


def _leave_out(dataset: Dataset, name: str) -> Dataset:
    import numpy as np

    from moue.labels import class_among

    wanted = class_among(name, dataset.class_names)
    if wanted != name.strip():
        console.note(f"{name.strip()} is read as {wanted}")
    kept = np.flatnonzero(dataset.labels != dataset.class_names.index(wanted))
    if not len(kept):
        raise MoueError(f"no face is left without {wanted}", "faces of another class")
    count = len(dataset) - len(kept)
    console.note(f"left out: {count:,} {'face' if count == 1 else 'faces'} of {wanted}")
    return dataclasses.replace(dataset.take(kept), part_of=dataset.part_of or dataset.checksum)
