"""RAF-DB's basic expressions (Li et al. 2017): `Image/aligned` with a list of labels, or numbered folders.

Its numbers differ from FER2013's, so the folder reader would read its folders ``1`` to ``7`` wrongly.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from moue.data.readers.image_files import Entry, load_images
from moue.data.readers.reader import Reader, ReadOptions
from moue.data.splits import split_of
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.data.dataset import Dataset

_CLASSES: Final = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
"""In the order of the database's numbers, which start at 1."""

_LIST: Final = PurePosixPath("EmoLabel", "list_patition_label.txt")  # sic
_IMAGES: Final = PurePosixPath("Image", "aligned")
_LAYOUT: Final = f"RAF-DB's {_LIST} and {_IMAGES}, or train/1/*_aligned.jpg"


def load_raf_db(path: Path, options: ReadOptions) -> Dataset:
    """Read the aligned faces; the file or folder names give their split.

    Raises:
        MoueError: a line of the list is not a name with a number from 1 to 7, or no image can be read.
    """
    base = _base(path)
    entries = list(_numbered(path) if base is None else _listed(base))
    root = path if base is None else base
    return load_images(path, entries, lambda name: root / name, options, _LAYOUT)


def _listed(base: Path) -> Iterator[Entry]:
    for number, line in enumerate((base / _LIST).read_text(encoding="utf-8").splitlines(), 1):
        name, _, label = line.strip().partition(" ")
        if not name:
            continue
        if label not in set("1234567"):
            raise MoueError(f"{base / _LIST} line {number} is {line[:40]!r}", "a file name and a number from 1 to 7")
        file = _IMAGES / f"{PurePosixPath(name).stem}_aligned.jpg"
        yield Entry(file, _CLASSES[int(label) - 1], split_of(name.partition("_")[0]), str(base))


def _numbered(path: Path) -> Iterator[Entry]:
    for file in sorted(path.rglob("*_aligned.*")):
        split, label = file.relative_to(path).parts[-3:-1]
        word = _CLASSES[int(label) - 1]
        yield Entry(PurePosixPath(file.relative_to(path).as_posix()), word, split_of(split), str(path))


def _base(path: Path) -> Path | None:
    return next((folder for folder in (path, path / "basic") if (folder / _LIST).is_file()), None)


def _is_numbered(path: Path) -> bool:
    """Return whether there are aligned faces in train/1 to train/7, and no train/0."""
    for top in (path, path / "DATASET"):
        if all((top / "train" / str(number)).is_dir() for number in range(1, 8)):
            return not (top / "train" / "0").exists() and any((top / "train" / "1").glob("*_aligned.*"))
    return False


READER: Final = Reader(
    name="RAF-DB",
    reads=_LAYOUT,
    order=11,
    recognises=lambda path: path.is_dir() and (_base(path) is not None or _is_numbered(path)),
    read=load_raf_db,
)
