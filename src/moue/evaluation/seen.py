"""Which of the scored faces a network knew before: what it was trained on, chosen by, or fitted to."""

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
    """How many of the scored faces a network knew; each face counts once, under the first that holds.

    Attributes:
        num_faces: The scored faces.
        trained: Those that the weights were fitted to.
        chosen: Those of the validation split, which chose the epoch, the temperatures and the answer.
        fitted: Those of another data set that the answer `expression` was fitted to.
    """

    num_faces: int
    trained: int
    chosen: int
    fitted: int

    def told(self) -> str:
        """Return in one line which faces were seen and what that means; empty if none was."""
        counts = ((_TRAINED, self.trained), (_CHOSEN, self.chosen), (_FITTED, self.fitted))
        parts = [(what, count) for what, count in counts if count]
        if not parts:
            return ""
        first = parts[0][1]
        faces = f"{first:,} of these {self.num_faces:,} faces" if first < self.num_faces else f"all {first:,} faces"
        shown = [faces, *(f"{count:,}" for _, count in parts[1:])]
        said = [
            what.format(text, were="was" if count == 1 else "were")
            for text, (what, count) in zip(shown, parts, strict=True)
        ]
        return f"{', '.join(said)}; {'its' if parts[0][0] == _FITTED else 'the'} accuracy is optimistic"


def find_seen(networks: Iterable[Classifier], dataset: Dataset, split: str) -> Seen:
    """Count the scored faces that the networks knew.

    Data is known by the checksum of the whole data set. So a part of it, or faces that were cut out again, is not
    recognised; neither are its images under other names.

    Args:
        networks: The networks that answer.
        dataset: The data as it was read.
        split: The split of it that is scored, or "all".
    """
    checksum = dataset.part_of or dataset.checksum
    part = dataset.split[dataset.where(split)]
    trained, chosen, fitted = np.zeros((3, len(part)), np.bool_)
    for data in (network.spec.data for network in networks):
        for one in _with_earlier(data):
            if one.get("checksum") == checksum:
                trained |= part == "train"
                chosen |= part == "val"
        others = data.get(OTHERS)
        if isinstance(others, dict) and others.get("checksum") == checksum:
            fitted[:] = True
    chosen &= ~trained
    fitted &= ~(trained | chosen)
    return Seen(len(part), *(int(mask.sum()) for mask in (trained, chosen, fitted)))


def _with_earlier(data: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield what a network was trained on, then what the network it started from was trained on, and so on."""
    found: object = data
    while isinstance(found, dict):
        yield found
        found = found.get(STARTED_FROM)
