"""From image files with labels to a data set; readers find out which files there are and what they are labelled.

Nothing is passed over in silence: what is no image and what was assumed stands in `Dataset.notes`. Images are decoded
as `moue predict` decodes them.
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
"""A file of such a name that cannot be read is a wrong row; any other is passed over, with a note."""

_SHOWN: Final = 3
_PREFIX: Final = re.compile(r"^([^_-]*[0-9][^_-]*)[_-]")  # a number is in it, and something follows
_LEAST_PEOPLE: Final = 5
_LEAST_PEOPLE_OF_A_CLASS: Final = 3


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file that may be an image.

    Attributes:
        name: Its path within the data.
        word: Its label as found: the name of a folder, or what stands in a column.
        split: Its split, where the data says so.
        place: Where labels have to be different: a folder of class folders, or a list.
        person: Who it shows, where the data says so.
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
        layout: What the data should look like, for messages.

    Raises:
        MoueError: no image can be read, one cannot, or the classes are too many or clash.
    """
    found = _decode(path, entries, open_file, options)
    if not found.images:
        raise MoueError(f"{path} holds no images that can be read", layout, "Check that this is the folder you meant.")
    kept = [entries[row] for row in found.rows]
    classes = name_classes({entry.word for entry in kept}, options.numbering)
    for place in sorted({entry.place for entry in kept}):
        words = {entry.word for entry in kept if entry.place == place}
        refuse_clashes(words, classes, place or str(path))
    names = order_classes(classes.values())
    dataset = Dataset(
        images=np.stack(found.images),
        labels=np.array([names.index(classes[entry.word]) for entry in kept], np.uint8),
        split=np.array([entry.split or "train" for entry in kept], SPLIT_DTYPE),
        rows=np.array(found.rows, np.int64),
        class_names=names,
        source=str(path),
        split_rule="as the data says",
        skipped=tuple(found.skipped),
        notes=(*_about_classes(classes, options), *listed("no image, left out", found.others)),
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
    """Return one note that counts and names files, or none."""
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
    """Return what all file names begin with, such as ``S014`` in ``S014_003.png``, if that can be a person or a video.

    That takes a code with a number in every name, five or more codes, several images of each on average, and three or
    more codes in each class; so ``happy3_001.png`` is no person. Empty otherwise.
    """
    matches = [_PREFIX.match(entry.name.name) for entry in entries]
    codes = [match.group(1) for match in matches if match]
    if len(codes) < len(entries) or not _LEAST_PEOPLE <= len(set(codes)) <= len(codes) // 2:
        return []
    fewest = min(len({codes[k] for k in np.flatnonzero(labels == label)}) for label in np.unique(labels))
    return codes if fewest >= _LEAST_PEOPLE_OF_A_CLASS else []
