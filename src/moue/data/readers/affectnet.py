"""AffectNet (Mollahosseini et al. 2017) as it is distributed: `train_set` and `val_set` with images and annotations."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.readers.image_files import Entry, load_images
from moue.data.readers.reader import Reader, ReadOptions
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.data.dataset import Dataset, Split

_CLASSES: Final = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
"""Indexed by the database's number. 8 to 10 (none, uncertain, no face) are not in this distribution."""

_SETS: Final[dict[str, Split]] = {"train_set": "train", "val_set": "val"}
_LAYOUT: Final = "AffectNet's train_set and val_set, each with images/1.jpg and annotations/1_exp.npy"


def load_affectnet(path: Path, options: ReadOptions) -> Dataset:
    """Read the faces of both sets, or of the one that exists; AffectNet has no published test set.

    Raises:
        MoueError: an annotation is not a number from 0 to 7, or no image can be read.
    """
    entries = [entry for name, split in _SETS.items() for entry in _entries(path, name, split)]
    return load_images(path, entries, lambda name: path / name, options, _LAYOUT)


def _entries(path: Path, name: str, split: Split) -> Iterator[Entry]:
    for file in sorted((path / name / "annotations").glob("*_exp.npy")):
        try:
            word = _CLASSES[int(np.load(file, allow_pickle=False).item())]
        except (OSError, ValueError, IndexError, TypeError, EOFError) as error:
            raise MoueError(f"{file} holds no class: {error}", "a number from 0 to 7", "Unpack it again.") from error
        image = PurePosixPath(name, "images", file.name.removesuffix("_exp.npy") + ".jpg")
        yield Entry(image, word, split, f"{path / name}")


def _recognises(path: Path) -> bool:
    return any((path / name / "annotations").is_dir() for name in _SETS)


READER: Final = Reader(name="AffectNet", reads=_LAYOUT, order=11, recognises=_recognises, read=load_affectnet)
