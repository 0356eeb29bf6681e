"""Images in folders that are named by split and class, on disk or in an archive.

Nothing is passed over in silence: what is no image, what systems leave behind, and what was assumed stands in
`Dataset.notes`. Images are decoded as `moue predict` decodes them.
"""

from __future__ import annotations

import dataclasses
import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.dataset import IMAGE_SHAPE, SPLIT_DTYPE, BadRow, Dataset, Split
from moue.data.readers.reader import Reader, ReadOptions
from moue.data.readers.unpack import BROKEN, opened
from moue.data.splits import split_by_digest, split_of
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, class_of
from moue.media.decode import DEFAULT_LIMITS, Status, decode
from moue.media.files import head_of, is_litter
from moue.media.pixels import fit_gray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Tree = Mapping[PurePosixPath, Callable[[], bytes | Path]]
    """How to get at each file, by its path within the folder."""

IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""A file of such a name that cannot be read is a wrong row; any other is passed over, with a note."""

_FILE_NAME: Final = re.compile(r"^(Training|PublicTest|PrivateTest)_\d+", re.IGNORECASE)
_LAYOUT: Final = "folders such as train/happy/*.jpg and test/happy/*.jpg"
_SHOWN: Final = 3


@dataclasses.dataclass(frozen=True)
class _Entry:
    name: PurePosixPath
    class_name: str
    split: Split | None


def load_folder(path: Path, options: ReadOptions) -> Dataset:
    """Read `SPLIT/CLASS/…`, or `CLASS/…` without splits, from a folder or a zip archive of one.

    The folder's split counts. Where there are no split folders, file names such as `PublicTest_123.jpg` give the
    published split back. Without a "val" a tenth of the training images becomes it, and without any split a further
    tenth "test", chosen by a hash of the pixels. Files may lie deeper in a class's folder.

    Args:
        path: The folder; classes in any spelling that `moue.labels.canonical_name` knows, or numbers.
        options: How to read.

    Raises:
        MoueError: no images, an unknown class folder, or an unreadable image.
    """
    if path.is_dir():
        return _load(path, _on_disk(path), options)
    try:
        with opened(path) as raw, zipfile.ZipFile(raw) as archive:
            return _load(path, _in_archive(archive), options)
    except (*BROKEN, RuntimeError) as error:
        raise MoueError(f"{path} cannot be unpacked: {error}", "a whole archive without a password") from error


def _on_disk(path: Path) -> Tree:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {PurePosixPath(file.relative_to(path).as_posix()): (lambda file=file: file) for file in files}  # type: ignore[misc]


def _in_archive(archive: zipfile.ZipFile) -> Tree:
    infos = sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.filename)

    def content(info: zipfile.ZipInfo) -> bytes:
        # One byte more than allowed is enough for the decoder to refuse it; a bomb is never unpacked whole.
        with archive.open(info) as file:
            return file.read(DEFAULT_LIMITS.max_bytes + 1)

    return {PurePosixPath(info.filename): (lambda info=info: content(info)) for info in infos}  # type: ignore[misc]


def _load(path: Path, tree: Tree, options: ReadOptions) -> Dataset:
    litter = [name for name in tree if is_litter(str(name))]
    names, above = _without_common_parents([name for name in tree if not is_litter(str(name))])
    entries, notes = _entries(path, names, options)
    images: list[NDArray[np.uint8]] = []
    kept: list[int] = []
    skipped: list[BadRow] = []
    others: list[str] = []
    for row, entry in enumerate(entries):
        decoded = decode(tree[above / entry.name]())
        if decoded.image is not None:
            images.append(fit_gray(decoded.image, IMAGE_SHAPE[:2]))
            kept.append(row)
        elif entry.name.suffix.lower() in IMAGE_SUFFIXES or decoded.format or decoded.status is Status.TOO_LARGE:
            _refuse(path, row, entry, decoded.message, options, skipped)
        else:
            others.append(str(entry.name))
    if not images:
        raise MoueError(f"{path} holds no images that can be read", _LAYOUT)
    notes += _listed("no image, left out", others)
    notes += _listed("left behind by a system, ignored", [str(name) for name in litter])
    dataset = Dataset(
        images=np.stack(images),
        labels=np.array([CLASS_NAMES.index(entries[row].class_name) for row in kept], np.uint8),
        split=np.array([entries[row].split or "train" for row in kept], SPLIT_DTYPE),
        rows=np.array(kept, np.int64),
        source=str(path),
        split_rule="folders and file names",
        skipped=tuple(skipped),
        notes=tuple(notes),
    )
    return _with_missing_splits(dataset, has_splits=any(entry.split for entry in entries))


def _refuse(path: Path, row: int, entry: _Entry, message: str, options: ReadOptions, skipped: list[BadRow]) -> None:
    reason = f"{path / entry.name} cannot be read: {message}"
    if options.on_bad_row == "raise":
        raise MoueError(reason, "an image", "Remove it, or use --on-bad-row skip.")
    skipped.append(BadRow(row, reason))


def _without_common_parents(names: Sequence[PurePosixPath]) -> tuple[list[PurePosixPath], PurePosixPath]:
    """Take away folders above the data that hold nothing else; return the names and what was taken away."""
    above = PurePosixPath()
    rest = list(names)
    while rest and len({name.parts[0] for name in rest}) == 1 and all(len(name.parts) > 2 for name in rest):
        top = rest[0].parts[0]
        if split_of(top) or class_of(top):
            break
        above /= top
        rest = [name.relative_to(top) for name in rest]
    return rest, above


def _entries(path: Path, names: Sequence[PurePosixPath], options: ReadOptions) -> tuple[list[_Entry], list[str]]:
    """Return each file with its class and split, and what should be said about it."""
    entries: list[_Entry] = []
    outside: list[str] = []
    numbered: set[str] = set()
    for name in names:
        split, class_folder = _place(name)
        if class_folder is None:
            outside.append(str(name))
            continue
        class_name = class_of(class_folder, options.numbering)
        if class_name not in CLASS_NAMES:
            fix = f"Rename it, or take it out; a folder of classes lies in {path}: {_LAYOUT}."
            what = "is not a class of FER2013" if class_name else f"is an unknown class {class_folder!r}"
            raise MoueError(f"{path / name.parent} {what}", f"one of {', '.join(CLASS_NAMES)}", fix)
        if class_folder.strip().isdigit():
            numbered.add(class_folder.strip())
        entries.append(_Entry(name, class_name, split))
    if not entries:
        raise MoueError(f"{path} holds no images in folders", _LAYOUT)
    notes = _listed("not in a folder of a class, left out", outside)
    if numbered and not options.numbering:
        order = ", ".join(f"{number} is {name}" for number, name in enumerate(CLASS_NAMES))
        notes.append(f"the folders are numbered; FER2013's numbers were assumed ({order}); --class-names gives others")
    return _by_file_name(entries, notes), notes


def _place(name: PurePosixPath) -> tuple[Split | None, str | None]:
    """Return split and class folder of a file's path; no class where it lies above the classes."""
    folders = name.parts[:-1]
    split = split_of(folders[0]) if folders else None
    rest = folders[1:] if split else folders
    return split, rest[0] if rest else None


def _by_file_name(entries: list[_Entry], notes: list[str]) -> list[_Entry]:
    """Take the published split from file names where folders do not give any; say where both do and differ."""
    published = [_FILE_NAME.match(entry.name.name) for entry in entries]
    said = [split_of(match.group(1)) if match else None for match in published]
    if any(entry.split for entry in entries):
        differing = sum(name is not None and name != entry.split for name, entry in zip(said, entries, strict=True))
        if differing:
            notes.append(f"{differing:,} file names give another split than their folders; the folders count")
        return entries
    return [dataclasses.replace(entry, split=name) for name, entry in zip(said, entries, strict=True)]


def _listed(what: str, names: Sequence[str]) -> list[str]:
    """Return one note that counts and names files, or none."""
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return [f"{len(names):,} {'file' if len(names) == 1 else 'files'} {what}: {shown}"]


def _with_missing_splits(dataset: Dataset, *, has_splits: bool) -> Dataset:
    if "val" in dataset.split:
        return dataset
    wanted: tuple[Split, ...] = ("train", "val") if has_splits else ("train", "val", "test")
    held_out = np.where(dataset.split == "train", split_by_digest(dataset, wanted), dataset.split)
    rule = "folders; " if has_splits else "no split folders; "
    return dataclasses.replace(
        dataset, split=held_out, split_rule=rule + f"a tenth of train each to {' and '.join(wanted[1:])}, by a hash"
    )


def _recognises(path: Path) -> bool:
    return path.is_dir() or (head_of(path).startswith(b"PK\x03\x04") and not any(_tables(path)))


def _tables(path: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (*BROKEN, OSError):
        yield str(path)  # damaged: the reader of tables says so
        return
    yield from (name for name in names if name.lower().endswith(".csv") and not is_litter(name))
    if not any(len(PurePosixPath(name).parts) > 1 for name in names):
        yield str(path)


READER: Final = Reader(
    name="folder",
    reads=f"{_LAYOUT}, or a zip archive of such",
    order=20,
    recognises=_recognises,
    read=load_folder,
)
