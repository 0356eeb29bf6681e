"""JAFFE (Lyons et al. 1998): 213 images of ten women, labelled by file names such as ``KA.AN1.39.tiff``."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from moue.data.readers.image_files import Entry, load_images
from moue.data.readers.reader import Reader, ReadOptions

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

_FILE: Final = re.compile(r"^([A-Z]{2})\.(AN|DI|FE|HA|NE|SA|SU)\d\.\d+\.(tiff?|png|jpe?g)$", re.IGNORECASE)
_LAYOUT: Final = "JAFFE's files, such as KA.AN1.39.tiff"
_NOTE: Final = "JAFFE's images show head and shoulders: add --crop-faces to see them as photos are seen"


def load_jaffe(path: Path, options: ReadOptions) -> Dataset:
    """Read the images; the first two letters of a file name are the person, the next two the expression."""
    entries = []
    for file in sorted(path.iterdir()):
        match = _FILE.match(file.name)
        if match:
            person, word = match.group(1).upper(), match.group(2).lower()
            entries.append(Entry(PurePosixPath(file.name), word, None, str(path), person=person))
    dataset = load_images(path, entries, lambda name: path / name, options, _LAYOUT)
    return dataclasses.replace(dataset, notes=(*dataset.notes, *(() if options.cut else (_NOTE,))))


def _recognises(path: Path) -> bool:
    return path.is_dir() and any(_FILE.match(file.name) for file in path.iterdir())


READER: Final = Reader(name="JAFFE", reads=_LAYOUT, order=12, recognises=_recognises, read=load_jaffe)
