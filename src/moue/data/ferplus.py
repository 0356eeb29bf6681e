"""Joining the FER+ votes (Barsoum et al. 2016, arXiv:1608.01041; microsoft/FERPlus, MIT)."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.errors import MoueError
from moue.labels import FERPLUS_NAMES, canonical_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset, Split

_USAGES: Final[dict[str, Split]] = {"training": "train", "publictest": "val", "privatetest": "test"}
_NUM_VOTES: Final = 10


def join_votes(dataset: Dataset, path: str | Path) -> Dataset:
    """Return `dataset` with the FER+ votes of `fer2013new.csv`, joined by row order.

    Row k of the file belongs to row k of `fer2013.csv`; the numbers in its image names do not.

    Raises:
        MoueError: the file is not the FER+ table, is shorter than the data, or its Usage disagrees with a row.
    """
    path = Path(path)
    split, votes = _read(path)
    if len(dataset) and int(dataset.rows.max()) >= len(votes):
        raise MoueError(
            f"{path} has {len(votes):,} rows, but the data has a row {int(dataset.rows.max()):,}",
            "one row of votes for each row of fer2013.csv",
            "FER+ joins only the full fer2013.csv, in its original order.",
        )
    disagreeing = np.flatnonzero(split[dataset.rows] != dataset.split)
    if len(disagreeing):
        row = int(dataset.rows[disagreeing[0]])
        raise MoueError(
            f"{path} says row {row} is {split[row]}, the data says {dataset.split[disagreeing[0]]} "
            f"({len(disagreeing):,} rows disagree)",
            "the same Usage in both, row by row",
            "FER+ joins only the full fer2013.csv, in its original order.",
        )
    return dataclasses.replace(dataset, votes=votes[dataset.rows])


def _read(path: Path) -> tuple[NDArray[np.str_], NDArray[np.uint8]]:
    split: list[str] = []
    votes: list[list[int]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            usage, columns = _columns(path, next(reader, []))
            for row, fields in enumerate(line for line in reader if line):
                try:
                    split.append(_USAGES[fields[usage].strip().lower()])
                    votes.append([int(fields[column]) for column in columns])
                except (ValueError, KeyError, IndexError) as error:
                    raise MoueError(
                        f"{path}: row {row}: {','.join(fields)[:80]!r}", "Usage, image name and ten numbers of votes"
                    ) from error
    except OSError as error:
        raise MoueError(f"cannot read {path}: {error.strerror}", "fer2013new.csv of microsoft/FERPlus") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MoueError(f"{path} is not a CSV file: {error}", "fer2013new.csv of microsoft/FERPlus") from error
    array = np.array(votes, np.int64).reshape(-1, len(FERPLUS_NAMES))
    if array.size and (array.min() < 0 or array.max() > _NUM_VOTES):
        raise MoueError(f"{path} holds votes from {array.min()} to {array.max()}", f"0 to {_NUM_VOTES}")
    return np.array(split), array.astype(np.uint8)


def _columns(path: Path, header: list[str]) -> tuple[int, list[int]]:
    """Return where Usage and the ten vote columns stand, the latter in the order of `FERPLUS_NAMES`."""
    found: dict[str, int] = {}
    for position, text in enumerate(header):
        word = text.strip().lower()
        if word == "usage":
            found["usage"] = position
        elif word != "image name":
            try:
                found[canonical_name(word)] = position
            except MoueError:
                continue
    missing = [name for name in ("usage", *FERPLUS_NAMES) if name not in found]
    if missing:
        raise MoueError(
            f"{path} has no column for {', '.join(missing)}",
            "fer2013new.csv of microsoft/FERPlus",
            "`moue data get ferplus` fetches it.",
        )
    return found["usage"], [found[name] for name in FERPLUS_NAMES]
