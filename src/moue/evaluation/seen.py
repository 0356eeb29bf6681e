"""Which of the scored faces a model has seen: those that trained it, chose its epoch, or fitted its `expression`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.classifier.spec import OTHERS, STARTED_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from moue.classifier.classifier import Classifier
    from moue.data.dataset import Dataset

_TRAINED: Final = "{} {were} trained on"
_CHOSEN: Final = "{} chose the epoch and the temperature"
_FITTED: Final = "expression was fitted to {}"


@dataclasses.dataclass(frozen=True)
class Seen:
    """How many of the scored faces a model has seen; each face counts once, in the first group that applies.

    Attributes:
        num_faces: The scored faces.
        trained: Those that the weights were trained on.
        chosen: Those of the validation split, which chose the epoch, the temperatures and the output `expression`.
        fitted: Those of another data set that the output `expression` was fitted to.
    """

    num_faces: int
    trained: int
    chosen: int
    fitted: int

    def warning(self) -> str:
        """Return one line that states which faces were seen and what that means; empty if none was."""
        counts = ((_TRAINED, self.trained), (_CHOSEN, self.chosen), (_FITTED, self.fitted))
        parts = [(what, count) for what, count in counts if count]
        if not parts:
            return ""
        first = parts[0][1]
        faces = f"{first:,} of these {self.num_faces:,} faces" if first < self.num_faces else f"all {first:,} faces"
        shown = [faces, *(f"{count:,}" for _, count in parts[1:])]
        clauses = [
            what.format(text, were="was" if count == 1 else "were")
            for text, (what, count) in zip(shown, parts, strict=True)
        ]
        return f"{', '.join(clauses)}; {'its' if parts[0][0] == _FITTED else 'the'} accuracy is optimistic"


def find_seen(models: Iterable[Classifier], dataset: Dataset, split: str) -> Seen:
    """Count the scored faces that the models have seen.

    Data is identified by the checksum of the whole data set. So a part of it is not recognised, and neither are faces
    that were cropped again or images under other names.

    Args:
        models: The models that are scored.
        dataset: The data as it was loaded.
        split: The split that is scored, or "all".
    """
    checksum = dataset.part_of or dataset.checksum
    part = dataset.split[dataset.where(split)]
    trained, chosen, fitted = np.zeros((3, len(part)), np.bool_)
    for data in (model.spec.data for model in models):
        for training_data in _with_earlier(data):
            if training_data.get("checksum") == checksum:
                trained |= part == "train"
                chosen |= part == "val"
        others = data.get(OTHERS)
        if isinstance(others, dict) and others.get("checksum") == checksum:
            fitted[:] = True
    chosen &= ~trained
    fitted &= ~(trained | chosen)
    return Seen(len(part), *(int(mask.sum()) for mask in (trained, chosen, fitted)))


def _with_earlier(data: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield the training data of a model, then that of the model it started from, and so on."""
    current: object = data
    while isinstance(current, dict):
        yield current
        current = current.get(STARTED_FROM)
