"""From image files with labels to a data set; readers find the files and their labels.

Nothing is ignored silently: `Dataset.notes` names files that are not images, and all assumptions. Images are decoded as
in `moue predict`.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.dataset import IMAGE_SHAPE, SPLIT_DTYPE, BadRow, Dataset, Split
from moue.data.splits import hold_out
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, name_classes, order_classes, refuse_clashes
from moue.media.decode import Status, decode
from moue.media.pixels import fit_gray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from numpy.typing import NDArray

    from moue.data.readers.reader import ReadOptions

IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""A file with such a suffix that cannot be read is a bad row; any other is left out, with a note."""

_SHOWN: Final = 3
_PREFIX: Final = re.compile(r"^([^_-]*[0-9][^_-]*)[_-]")  # it contains a digit, and something follows it
_MIN_PEOPLE: Final = 5
_MIN_PEOPLE_OF_A_CLASS: Final = 3


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file that may be an image.

    Attributes:
        name: Its path within the data.
        word: Its label as found: a folder name or the value of a column.
        split: Its split, if the data has one.
        place: The scope in which labels must be distinct: a folder of class folders, or a list.
        person: The person that it shows, if the data says so.
    """

    name: PurePosixPath
    word: str
    split: Split | None
    place: str = ""
    person: str = ""


@dataclasses.dataclass
class _Images:
    images: list[NDArray[np.uint8]] = dataclasses.field(default_factory=list)
    rows: list[int] = dataclasses.field(default_factory=list)
    skipped: list[BadRow] = dataclasses.field(default_factory=list)
    others: list[str] = dataclasses.field(default_factory=list)


def load_images(
    path: Path,
    entries: Sequence[Entry],
    open_file: Callable[[PurePosixPath], bytes | Path],
    options: ReadOptions,
    layout: str,
) -> Dataset:
    """Read the files and name their classes; without splits, `moue.data.splits.hold_out` makes them.

    Args:
        path: What is read, for messages.
        entries: The files.
        open_file: Returns the content of a file, or its path on disk.
        options: How to read.
        layout: The expected layout, for messages.

    Raises:
        MoueError: an image or all images cannot be read, there are too many classes, or their names clash.
    """
    decoded = _decode(path, entries, open_file, options)
    if not decoded.images:
        raise MoueError(f"{path} holds no images that can be read", layout, "Check that this is the folder you meant.")
    kept = [entries[row] for row in decoded.rows]
    classes = name_classes({entry.word for entry in kept}, options.numbering)
    for place in sorted({entry.place for entry in kept}):
        words = {entry.word for entry in kept if entry.place == place}
        refuse_clashes(words, classes, place or str(path))
    names = order_classes(classes.values())
    dataset = Dataset(
        images=np.stack(decoded.images),
        labels=np.array([names.index(classes[entry.word]) for entry in kept], np.uint8),
        split=np.array([entry.split or "train" for entry in kept], SPLIT_DTYPE),
        rows=np.array(decoded.rows, np.int64),
        class_names=names,
        source=str(path),
        split_rule="as the data says",
        skipped=tuple(decoded.skipped),
        notes=(*_about_classes(classes, options), *listed("not in an image format, left out", decoded.others)),
    )
    return _with_missing_splits(dataset, kept)


def _decode(
    path: Path,
    entries: Sequence[Entry],
    open_file: Callable[[PurePosixPath], bytes | Path],
    options: ReadOptions,
) -> _Images:
    found = _Images()
    for row, entry in enumerate(entries):
        decoded = decode(open_file(entry.name))
        if decoded.image is not None:
            face = decoded.image if options.cut is None else options.cut(decoded.image)
            found.images.append(fit_gray(face, IMAGE_SHAPE[:2]))
            found.rows.append(row)
        elif entry.name.suffix.lower() in IMAGE_SUFFIXES or decoded.format or decoded.status is Status.TOO_LARGE:
            reason = f"{path / entry.name} cannot be read: {decoded.message}"
            if options.on_bad_row == "raise":
                raise MoueError(reason, "an image", "Remove it, or use --on-bad-row skip.")
            found.skipped.append(BadRow(row, reason))
        else:
            found.others.append(str(entry.name))
    return found


def _about_classes(classes: Mapping[str, str], options: ReadOptions) -> list[str]:
    notes = []
    if (
        any(word.strip().isdigit() for word in classes)
        and not options.numbering
        and set(classes.values()) <= set(CLASS_NAMES)
    ):
        order = ", ".join(f"{number} is {name}" for number, name in enumerate(CLASS_NAMES))
        notes.append(f"the classes are numbered; FER2013's numbers were assumed ({order}); --class-names gives others")
    own = [name for name in order_classes(classes.values()) if name not in CLASS_NAMES]
    if own:
        notes.append(f"classes that are not FER2013's: {', '.join(own)}")
    return notes


def listed(what: str, names: Sequence[str]) -> list[str]:
    """Return a list with one note that counts and names the files, or an empty list."""
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return [f"{len(names):,} {'file' if len(names) == 1 else 'files'} {what}: {shown}"]


def _with_missing_splits(dataset: Dataset, entries: Sequence[Entry]) -> Dataset:
    if "val" in dataset.split:
        return dataset
    people = [entry.person for entry in entries]
    notes = dataset.notes
    if not all(people):
        people = people_in_names(entries, dataset.labels)
        if people:
            notes += (f"the file names begin with {len(set(people))} codes such as {people[0]}, taken for people",)
    has_splits = any(entry.split for entry in entries)
    held_out = hold_out(dataset, ("val",) if has_splits else ("val", "test"), people)
    return dataclasses.replace(held_out, notes=(*notes, held_out.split_rule))


def people_in_names(entries: Sequence[Entry], labels: NDArray[np.uint8]) -> list[str]:
    """Return the prefix of each file name, such as ``S014`` in ``S014_003.png``, if it can be a person or a video.

    This requires a prefix with a digit in every name, five or more prefixes, at least two images per prefix on average,
    and three or more prefixes in each class, so ``happy3_001.png`` does not count as a person. Otherwise empty.
    """
    matches = [_PREFIX.match(entry.name.name) for entry in entries]
    codes = [match.group(1) for match in matches if match]
    if len(codes) < len(entries) or not _MIN_PEOPLE <= len(set(codes)) <= len(codes) // 2:
        return []
    fewest = min(len({codes[k] for k in np.flatnonzero(labels == label)}) for label in np.unique(labels))
    return codes if fewest >= _MIN_PEOPLE_OF_A_CLASS else []
