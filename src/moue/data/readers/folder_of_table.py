"""A folder that holds `fer2013.csv`: the user unpacked the download and passed the folder instead of the file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from moue.data.readers.reader import Reader, ReadOptions
from moue.data.readers.table import read_table
from moue.media.files import is_litter

if TYPE_CHECKING:
    from pathlib import Path

    from moue.data.dataset import Dataset

_NAMES: Final = ("fer2013.csv", "icml_face_data.csv", "fer2013.csv.gz")


def _table_in(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    for name in _NAMES:
        if (path / name).is_file():
            return path / name
    # Kaggle's download holds a folder named like the archive.
    inner = [entry for entry in path.iterdir() if not is_litter(entry.name)]
    return _table_in(inner[0]) if len(inner) == 1 else None


def _read(path: Path, options: ReadOptions) -> Dataset:
    table = _table_in(path) or path
    dataset = read_table(table, options)
    return dataclasses.replace(dataset, notes=(*dataset.notes, f"read {table}, the table in the folder"))


READER: Final = Reader(
    name="folder of a table",
    reads=f"a folder that holds {_NAMES[0]}",
    order=10,
    recognises=lambda path: _table_in(path) is not None,
    read=_read,
)
