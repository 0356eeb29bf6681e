"""A list of image files with their labels: a CSV file with the columns file and label, optionally split and person."""

from __future__ import annotations

import csv
import io
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from moue.data.readers.image_files import Entry, load_images
from moue.data.readers.label_column import LABEL_HEADINGS
from moue.data.readers.reader import Reader, ReadOptions
from moue.data.splits import split_of
from moue.errors import MoueError
from moue.media.files import head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.data.dataset import Dataset

_NAME: Final = "labels.csv"
_FILE_HEADINGS: Final = ("file", "filename", "path", "image")
_SPLIT_HEADINGS: Final = ("split", "usage", "subset", "partition")
_PERSON_HEADINGS: Final = ("person", "subject", "identity")
_MAX_BYTES: Final = 1 << 28
_LAYOUT: Final = "a CSV file with the columns file and label, and optionally split and person"


def load_list(path: Path, options: ReadOptions) -> Dataset:
    """Read the images that a list names; their paths are relative to the list.

    Args:
        path: The list, or a folder that holds it as labels.csv.
        options: How to read.

    Raises:
        MoueError: the list cannot be read, or a row lacks a file or a label.
    """
    file = _list_in(path) or path
    if file.stat().st_size > _MAX_BYTES:
        raise MoueError(f"{file} has {file.stat().st_size:,} bytes", f"a list of at most {_MAX_BYTES:,} bytes")
    try:
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig")), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MoueError(f"{file} cannot be read: {error}", _LAYOUT, "Save it as UTF-8 with commas.") from error
    columns = _columns(rows[0])
    entries = [_entry(file, row, columns, number) for number, row in enumerate(rows[1:], 2) if any(row)]
    if not entries:
        raise MoueError(f"{file} names no images", _LAYOUT, "Add a row for each image.")
    return load_images(file, entries, lambda name: file.parent / name, options, _LAYOUT)


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column that is used; empty if this is not such a list."""
    names = [name.strip().lower() for name in header]
    kinds = {"file": _FILE_HEADINGS, "label": LABEL_HEADINGS, "split": _SPLIT_HEADINGS, "person": _PERSON_HEADINGS}
    found = {kind: next((name for name in known if name in names), "") for kind, known in kinds.items()}
    if not found["file"] or not found["label"] or "pixels" in names:
        return {}
    return {kind: names.index(name) for kind, name in found.items() if name}


def _entry(file: Path, row: Sequence[str], columns: dict[str, int], line: int) -> Entry:
    values = {kind: row[place].strip() if place < len(row) else "" for kind, place in columns.items()}
    split = split_of(values["split"]) if values.get("split") else None
    for kind in ("file", "label"):
        if not values[kind]:
            raise MoueError(f"{file} line {line} has no {kind}", _LAYOUT, "Fill it in, or take the row out.")
    if values.get("split") and split is None:
        raise MoueError(f"{file} line {line} has the split {values['split'][:20]!r}", "train, val or test")
    return Entry(PurePosixPath(values["file"]), values["label"], split, person=values.get("person", ""))


def _list_in(path: Path) -> Path | None:
    file = path / _NAME if path.is_dir() else path
    head = head_of(file).decode("utf-8-sig", "replace").partition("\n")[0]
    return file if _columns(head.strip().split(",")) else None


READER: Final = Reader(
    name="file list",
    reads=_LAYOUT,
    order=15,
    recognises=lambda path: _list_in(path) is not None,
    read=load_list,
)
