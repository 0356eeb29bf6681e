"""CK+ (Lucey et al. 2010) as it is distributed: `cohn-kanade-images` and `Emotion`, both by person and sequence.

A sequence begins neutral and ends at the peak. Only some sequences have a label, which is for the peak; of these, the
peak image is read. Folders of cropped faces by class (CK+48) are read like any other folder.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from moue.data.readers.image_files import Entry, load_images
from moue.data.readers.reader import Reader, ReadOptions
from moue.errors import MoueError

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

_IMAGES, _LABELS = "cohn-kanade-images", "Emotion"
_CLASSES: Final = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
"""Indexed by the database's number."""

_LAYOUT: Final = f"CK+'s folders {_IMAGES} and {_LABELS}"
_NOTE: Final = "CK+'s images show the whole head: add --crop-faces to see them as photos are seen"


def load_ck_plus(path: Path, options: ReadOptions) -> Dataset:
    """Read the peak of each labelled sequence.

    Raises:
        MoueError: a label is not a number from 0 to 7, or no image can be read.
    """
    entries = [_entry(path, file) for file in sorted((path / _LABELS).rglob("*_emotion.txt"))]
    dataset = load_images(path, entries, lambda name: path / name, options, _LAYOUT)
    return dataclasses.replace(dataset, notes=(*dataset.notes, *(() if options.cut else (_NOTE,))))


def _entry(path: Path, file: Path) -> Entry:
    text = file.read_text(encoding="ascii", errors="replace").strip()
    try:
        word = _CLASSES[int(float(text))]
    except (ValueError, IndexError, OverflowError) as error:
        raise MoueError(f"{file} holds {text[:20]!r}", "a number from 0 to 7", "Unpack the labels again.") from error
    inside = file.relative_to(path / _LABELS)
    image = PurePosixPath(_IMAGES, *inside.parts[:-1], inside.name.removesuffix("_emotion.txt") + ".png")
    return Entry(image, word, None, str(path), person=inside.parts[0])


def _recognises(path: Path) -> bool:
    return (path / _IMAGES).is_dir() and (path / _LABELS).is_dir()


READER: Final = Reader(name="CK+", reads=_LAYOUT, order=11, recognises=_recognises, read=load_ck_plus)
