"""Reading FER2013 laid out as folders of images."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from PIL import Image

from moue.data.dataset import IMAGE_SHAPE, SPLIT_DTYPE, BadRow, Dataset, Split
from moue.data.splits import split_by_digest
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, canonical_name

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_SPLIT_FOLDERS: Final[dict[str, Split]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "publictest": "val",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}
_FILE_NAME: Final = re.compile(r"^(Training|PublicTest|PrivateTest)_\d+", re.IGNORECASE)
_MAX_PIXELS: Final = 4096 * 4096


@dataclasses.dataclass(frozen=True)
class _Entry:
    path: Path
    class_name: str
    split: Split | None


def load_folder(path: Path, *, on_bad_row: Literal["raise", "skip"] = "raise") -> Dataset:
    """Read `SPLIT/CLASS/*.jpg`, or `CLASS/*.jpg` without splits.

    A file name such as `PublicTest_123.jpg` tells the split and goes before the folder's. Without a "val" a tenth of
    the training pictures becomes it, and without any split a further tenth "test", chosen by a hash of the pixels.
    Pictures are made gray and, where they have another size, 48x48.

    Args:
        path: The folder; classes in any spelling that `moue.labels.canonical_name` knows.
        on_bad_row: "raise" stops at the first unreadable picture, "skip" lists it in `Dataset.skipped`.

    Raises:
        MoueError: no pictures, an unknown class folder, or an unreadable picture.
    """
    entries = _entries(path)
    if not entries:
        raise MoueError(f"{path} holds no pictures", "folders such as train/happy/*.jpg and test/happy/*.jpg")
    images: list[NDArray[np.uint8]] = []
    kept: list[int] = []
    skipped: list[BadRow] = []
    for row, entry in enumerate(entries):
        try:
            images.append(_read_face(entry.path))
            kept.append(row)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            reason = f"{entry.path} cannot be read: {error}"
            if on_bad_row == "raise":
                raise MoueError(reason, "a picture", "Remove it, or use --on-bad-row skip.") from error
            skipped.append(BadRow(row, reason))
    if not images:
        raise MoueError(f"none of the {len(entries)} pictures in {path} can be read")
    dataset = Dataset(
        images=np.stack(images).reshape(-1, *IMAGE_SHAPE),
        labels=np.array([CLASS_NAMES.index(entries[row].class_name) for row in kept], np.uint8),
        split=np.array([entries[row].split or "train" for row in kept], SPLIT_DTYPE),
        rows=np.array(kept, np.int64),
        source=str(path),
        split_rule="folders and file names",
        skipped=tuple(skipped),
    )
    return _with_missing_splits(dataset, has_splits=any(entry.split for entry in entries))


def _with_missing_splits(dataset: Dataset, *, has_splits: bool) -> Dataset:
    if "val" in dataset.split:
        return dataset
    wanted: tuple[Split, ...] = ("train", "val") if has_splits else ("train", "val", "test")
    held_out = np.where(dataset.split == "train", split_by_digest(dataset, wanted), dataset.split)
    rule = "folders; " if has_splits else "no split folders; "
    return dataclasses.replace(
        dataset, split=held_out, split_rule=rule + f"a tenth of train each to {' and '.join(wanted[1:])}, by a hash"
    )


def _entries(path: Path) -> list[_Entry]:
    entries: list[_Entry] = []
    for top in _folders(path):
        split = _SPLIT_FOLDERS.get(top.name.lower())
        for class_folder in _folders(top) if split else [top]:
            class_name = canonical_name(class_folder.name)
            if class_name not in CLASS_NAMES:
                raise MoueError(f"{class_folder} is not a class of FER2013", f"one of {', '.join(CLASS_NAMES)}")
            entries += [
                _Entry(file, class_name, _split_of_name(file.name) or split)
                for file in sorted(class_folder.iterdir())
                if file.suffix.lower() in SUFFIXES
            ]
    return entries


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _split_of_name(name: str) -> Split | None:
    match = _FILE_NAME.match(name)
    return _SPLIT_FOLDERS[match.group(1).lower()] if match else None


def _read_face(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, at most {_MAX_PIXELS:,} are read")
        gray = image.convert("L")
    height, width, _ = IMAGE_SHAPE
    if gray.size != (width, height):
        gray = gray.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(gray, np.uint8)
