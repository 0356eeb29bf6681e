"""Images in folders that are named after splits and classes, on disk or in an archive."""

from __future__ import annotations

import dataclasses
import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from moue.data.readers.image_files import Entry, listed, load_images
from moue.data.readers.reader import Reader, ReadOptions
from moue.data.readers.unpack import BROKEN, opened
from moue.data.splits import split_of
from moue.errors import MoueError
from moue.labels import class_of
from moue.media.decode import DEFAULT_LIMITS
from moue.media.files import head_of, is_litter, is_own_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from moue.data.dataset import Dataset, Split

    Tree = Mapping[PurePosixPath, Callable[[], bytes | Path]]
    """A function for each file, by its path within the folder, that returns its content or its path on disk."""

_FILE_NAME: Final = re.compile(r"^(Training|PublicTest|PrivateTest)_\d+", re.IGNORECASE)
_LAYOUT: Final = "folders such as train/happy/*.jpg and test/happy/*.jpg, or smile/*.jpg and no_smile/*.jpg"


def load_folder(path: Path, options: ReadOptions) -> Dataset:
    """Read `SPLIT/CLASS/…`, or `CLASS/…` without splits, from a folder or a zip archive of one.

    Split folders come first. Without them, file names such as `PublicTest_123.jpg` give the published split. If there
    is no "val", part of the training images becomes "val"; if there are no splits at all, another part becomes "test".
    Files may be in subfolders of a class's folder.

    Args:
        path: The folder; `moue.labels.name_classes` says how its folders name the classes.
        options: How to read.

    Raises:
        MoueError: no images, an unreadable image, two folders for one class, or a folder beside the split folders.
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
        # One byte more than allowed, so that the decoder refuses it; a zip bomb is never unpacked completely.
        with archive.open(info) as file:
            return file.read(DEFAULT_LIMITS.max_bytes + 1)

    return {PurePosixPath(info.filename): (lambda info=info: content(info)) for info in infos}  # type: ignore[misc]


def _load(path: Path, tree: Tree, options: ReadOptions) -> Dataset:
    litter = [str(name) for name in tree if is_litter(str(name)) and not is_own_mark(str(name))]
    names, above = _without_common_parents([name for name in tree if not is_litter(str(name))])
    entries, notes = _entries(path, names)
    notes += listed("left behind by a system, ignored", litter)
    dataset = load_images(path, entries, lambda name: tree[above / name](), options, _LAYOUT)
    return dataclasses.replace(dataset, notes=(*dataset.notes, *notes))


def _without_common_parents(names: Sequence[PurePosixPath]) -> tuple[list[PurePosixPath], PurePosixPath]:
    """Remove leading folders that hold nothing but the data; return the names and the removed folders."""
    above = PurePosixPath()
    rest = list(names)
    while rest and len({name.parts[0] for name in rest}) == 1 and all(len(name.parts) > 2 for name in rest):
        top = rest[0].parts[0]
        if split_of(top) or class_of(top):
            break
        above /= top
        rest = [name.relative_to(top) for name in rest]
    return rest, above


def _entries(path: Path, names: Sequence[PurePosixPath]) -> tuple[list[Entry], list[str]]:
    """Return each file with its class and split, and notes for the user."""
    entries: list[Entry] = []
    outside: list[str] = []
    for name in names:
        split, class_folder = _place(name)
        if class_folder is None:
            outside.append(str(name))
        else:
            entries.append(Entry(name, class_folder, split, f"{path / name.parts[0]}" if split else str(path)))
    if not entries:
        fix = "Make a folder for each class, or a labels.csv with the columns file and label."
        raise MoueError(f"{path} holds no images in folders", _LAYOUT, fix)
    _refuse_strays(path, entries)
    notes = listed("not in a class folder, left out", outside)
    return _by_file_name(entries, notes), notes


def _refuse_strays(path: Path, entries: Sequence[Entry]) -> None:
    """Check that no folder with an unknown name is beside train, val and test."""
    if not any(entry.split for entry in entries):
        return
    for entry in entries:
        if entry.split is None and not class_of(entry.word):
            raise MoueError(
                f"{path / entry.name.parent} lies beside the folders of the splits and is an unknown class "
                f"{entry.word!r}",
                _LAYOUT,
                "Move it into the folders of the splits, or take it out.",
            )


def _place(name: PurePosixPath) -> tuple[Split | None, str | None]:
    """Return split and class folder of a file's path; None as class if the file is not in a class folder."""
    folders = name.parts[:-1]
    split = split_of(folders[0]) if folders else None
    rest = folders[1:] if split else folders
    return split, rest[0] if rest else None


def _by_file_name(entries: list[Entry], notes: list[str]) -> list[Entry]:
    """Take the published split from file names if there are no split folders; add a note if the two differ."""
    published = [_FILE_NAME.match(entry.name.name) for entry in entries]
    splits = [split_of(match.group(1)) if match else None for match in published]
    if any(entry.split for entry in entries):
        differing = sum(
            split is not None and split != entry.split for split, entry in zip(splits, entries, strict=True)
        )
        if differing:
            notes.append(f"{differing:,} file names give another split than their folders; the folders count")
        return entries
    return [dataclasses.replace(entry, split=split) for split, entry in zip(splits, entries, strict=True)]


def _recognises(path: Path) -> bool:
    return path.is_dir() or (head_of(path).startswith(b"PK\x03\x04") and not any(_tables(path)))


def _tables(path: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (*BROKEN, OSError):
        yield str(path)  # damaged: the table reader reports it
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
