"""A folder with `labels.json`: a list of objects with an image, its expression, and optionally the person."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from moue.data.readers.image_files import Entry, load_images
from moue.data.readers.label_column import LABEL_HEADINGS
from moue.data.readers.reader import Reader, ReadOptions
from moue.errors import MoueError
from moue.files import read_json

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

_NAME: Final = "labels.json"
_LAYOUT: Final = 'a folder with labels.json: [{"file": "1.png", "expression": "happy", "person": 3}, …]'


def load_labels(path: Path, options: ReadOptions) -> Dataset:
    """Read the images that `labels.json` names; their paths are relative to it.

    Raises:
        MoueError: the list cannot be read, or an entry lacks a file or an expression.
    """
    entries = [_entry(path, number, item) for number, item in enumerate(read_json(path / _NAME))]
    return load_images(path, entries, lambda name: path / name, options, _LAYOUT)


def _entry(path: Path, number: int, item: Any) -> Entry:  # noqa: ANN401 (JSON is anything)
    word = _label(item)
    if not word or not isinstance(item.get("file"), str):
        raise MoueError(f"{path / _NAME}: entry {number} lacks a file or an expression", _LAYOUT, "Complete it.")
    return Entry(PurePosixPath(item["file"]), word, None, str(path), person=str(item.get("person", "")))


def _label(item: Any) -> str:  # noqa: ANN401 (JSON is anything)
    if not isinstance(item, dict):
        return ""
    return next((str(item[name]) for name in LABEL_HEADINGS if isinstance(item.get(name), str)), "")


def _recognises(path: Path) -> bool:
    if not (path / _NAME).is_file():
        return False
    try:
        content = read_json(path / _NAME)
    except MoueError:
        return False
    return isinstance(content, list) and bool(content) and bool(_label(content[0]))


READER: Final = Reader(name="labels.json", reads=_LAYOUT, order=14, recognises=_recognises, read=load_labels)
