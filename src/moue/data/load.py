"""`load_dataset`: faces with labels and splits, from any kind of data that has a reader."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from moue.data import cache
from moue.data.readers import find_reader
from moue.data.readers.reader import OnBadRow, ReadOptions
from moue.errors import MoueError, SettingError
from moue.files import as_path
from moue.labels import MAX_CLASSES, name_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from moue.data.dataset import Dataset
    from moue.data.readers.reader import Reader


def load_dataset(
    path: str | Path,
    *,
    ferplus: str | Path | None = None,
    class_names: Sequence[str] = (),
    on_bad_row: OnBadRow = "raise",
    use_cache: bool = True,
    on_bytes: Callable[[int], None] | None = None,
) -> Dataset:
    """Read labelled faces from a table or from folders of images.

    A table has the columns `emotion` (0-6, or names), `pixels` (2,304 numbers in 0-255) and usually `Usage` (Training,
    PublicTest, PrivateTest), in any order; other columns are ignored. It may be packed (gz, bz2, xz, zip, tar). Folders
    are described in `moue.data.readers.folder`, lists of image files in `moue.data.readers.file_list`. The content
    determines the kind, not the name. Labels and folders may name any 2 to 100 classes. If the data has no splits,
    `moue.data.splits.hold_out` makes them. Tables are cached when they are first read; see `moue.data.cache`.

    Args:
        path: The file or folder, or a pipe such as `/dev/stdin`.
        ferplus: `fer2013new.csv` with the FER+ votes, joined by row order.
        class_names: The class of each number from 0 on, if they do not follow FER2013's order.
        on_bad_row: "raise" stops at the first bad row; "skip" leaves such rows out and lists them in
            `Dataset.skipped`.
        use_cache: Read from and write to the cache.
        on_bytes: Called regularly with the number of bytes read from the file on disk, for a progress bar.

    Returns:
        The faces in row order, images uint8 (N, 48, 48, 1). `Dataset.notes` says what was assumed or left out.

    Raises:
        MoueError: the file is missing, empty, of an unknown kind, or holds a bad row; the message names the row.
    """
    if on_bad_row not in ("raise", "skip"):
        raise MoueError(f"on_bad_row={on_bad_row!r}", '"raise" or "skip"')
    options = ReadOptions(on_bad_row, read_numbering(class_names), on_bytes)
    return read_dataset(path, options, ferplus=ferplus, use_cache=use_cache)


def read_dataset(
    path: str | Path, options: ReadOptions, *, ferplus: str | Path | None = None, use_cache: bool = True
) -> Dataset:
    """Read labelled faces with the options of a reader, such as how faces are cropped; see `load_dataset`."""
    if path == "":
        raise MoueError("the name of the data is empty", "fer2013.csv or a folder of images")
    path = as_path(path, "the data")
    dataset = _read(path, find_reader(path), options, use_cache=use_cache and not options.numbering)
    missing = [name for name, count in dataset.counts()["train"].items() if not count]
    if missing and len(dataset.where("train")):
        note = f"no face in the training split is labelled {' or '.join(missing)}"
        dataset = dataclasses.replace(dataset, notes=(*dataset.notes, note))
    if ferplus is not None:
        from moue.data.ferplus import join_votes  # noqa: PLC0415 (most callers have no votes)

        dataset = join_votes(dataset, ferplus)
    return dataset


def load_fer2013(
    path: str | Path,
    *,
    ferplus: str | Path | None = None,
    on_bad_row: OnBadRow = "raise",
    use_cache: bool = True,
    on_bytes: Callable[[int], None] | None = None,
) -> Dataset:
    """Read FER2013 (Goodfellow et al. 2013, arXiv:1307.0414); the same as `load_dataset`."""
    return load_dataset(path, ferplus=ferplus, on_bad_row=on_bad_row, use_cache=use_cache, on_bytes=on_bytes)


def _read(path: Path, reader: Reader, options: ReadOptions, *, use_cache: bool) -> Dataset:
    if not (use_cache and reader.cached):
        return reader.read(path, options)
    stored = cache.load(path)
    if stored is not None:
        return stored
    before = cache.fingerprint(path)
    dataset = reader.read(path, options)
    # A data set with skipped rows is not cached, so that they are reported each time.
    if not dataset.skipped:
        cache.store(path, dataset, before)
    return dataset


def read_numbering(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that the user named; FER2013's classes get its spelling.

    Raises:
        SettingError: one is not a name, two mean the same class, or there are too few or too many.
    """
    if class_names and not 2 <= len(class_names) <= MAX_CLASSES:
        raise SettingError(
            f"{len(class_names)} class name{'s' * (len(class_names) > 1)}",
            f"2 to {MAX_CLASSES}, one for each number in the data",
        )
    for text in class_names:
        if not text.strip() or text.strip().isdigit():
            raise SettingError(
                f"class name {text!r}", "names such as angry, happy, neutral, in the order of the numbers"
            )
    classes = name_classes(class_names)
    names = tuple(classes[text] for text in class_names)
    duplicate = next((name for name in names if names.count(name) > 1), "")
    if duplicate:
        words = " and ".join(repr(text) for text, name in zip(class_names, names, strict=True) if name == duplicate)
        raise SettingError(
            f"class names {words}, which are both the class {duplicate!r}", "each class once", "Leave one out."
        )
    return names
