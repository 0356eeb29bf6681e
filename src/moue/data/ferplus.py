"""Joining the FER+ votes (Barsoum et al. 2016, arXiv:1608.01041; microsoft/FERPlus, MIT)."""

from __future__ import annotations

import csv
import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.splits import split_of
from moue.errors import MoueError
from moue.files import as_path
from moue.labels import FERPLUS_NAMES, canonical_name

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

_NUM_VOTES: Final = 10
_WINDOW: Final = 500
_MIN_WINDOW: Final = 60
_MIN_AGREEMENT: Final = 0.5  # the lowest window of FER2013 has 0.58
_MIN_AGREEMENT_OF_FEW: Final = 0.4


def join_votes(dataset: Dataset, path: str | Path) -> Dataset:
    """Return `dataset` with the FER+ votes of `fer2013new.csv`, joined by row order.

    Row k of the file belongs to row k of `fer2013.csv`; the numbers in its image names do not match.

    Raises:
        MoueError: the file is not the FER+ table, is shorter than the data, or its Usage or votes do not match it.
    """
    path = as_path(path, "the FER+ file")
    split, votes = _read(path)
    if len(dataset) and int(dataset.rows.max()) >= len(votes):
        raise MoueError(
            f"{path} has {len(votes):,} rows, but the data has a row {int(dataset.rows.max()):,}",
            "one row of votes for each row of fer2013.csv",
            "FER+ joins only the full fer2013.csv, in its original order.",
        )
    joined = dataclasses.replace(dataset, votes=votes[dataset.rows])
    disagreeing = np.flatnonzero(split[dataset.rows] != dataset.split)
    if len(disagreeing):
        row = int(dataset.rows[disagreeing[0]])
        raise MoueError(
            f"{path} says row {row} is {split[row]}, the data says {dataset.split[disagreeing[0]]} "
            f"({len(disagreeing):,} rows disagree)",
            "the same Usage in both, row by row",
            "FER+ joins only the full fer2013.csv, in its original order.",
        )
    _refuse_misaligned_votes(joined, path)
    return joined


def _refuse_misaligned_votes(dataset: Dataset, path: Path) -> None:
    """Check that votes match labels everywhere; a missing row shifts the votes of all rows after it.

    In FER2013, the majority of the votes is the label for two of three faces, and for at least half in every window of
    500 rows. Votes for other faces agree with one label in five.
    """
    votes = dataset.votes
    if votes is None:
        return
    seven = votes[:, [FERPLUS_NAMES.index(name) for name in dataset.class_names]]
    voted = np.flatnonzero(seven.any(axis=1))
    agrees = seven[voted].argmax(axis=1) == dataset.labels[voted]
    window = min(_WINDOW, len(agrees))
    if window < _MIN_WINDOW:
        return
    starts = [*range(0, len(agrees) - window, window // 2), len(agrees) - window]
    agreements = [float(agrees[start : start + window].mean()) for start in starts]
    worst = min(agreements)
    least = _MIN_AGREEMENT if window == _WINDOW else _MIN_AGREEMENT_OF_FEW
    if worst < least:
        first, last = (int(dataset.rows[voted[starts[agreements.index(worst)] + k]]) for k in (0, window - 1))
        raise MoueError(
            f"{path} does not match {dataset.source or 'the data'}: in rows {first:,} to {last:,}, the majority of the "
            f"votes is the label for {worst:.0%}",
            f"at least {least:.0%}, as in FER2013",
            "Were rows left out, added or shuffled? FER+ joins only the full fer2013.csv, in its original order.",
        )


def _split(text: str) -> str:
    found = split_of(text)
    if found is None:
        raise ValueError(text[:20])
    return found


def _whole_number(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 3):
        raise ValueError(word[:20])
    return int(word)


def _read(path: Path) -> tuple[NDArray[np.str_], NDArray[np.uint8]]:
    split: list[str] = []
    votes: list[list[int]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            usage, columns = _columns(path, next(reader, []))
            for row, fields in enumerate(line for line in reader if any(cell.strip() for cell in line)):
                try:
                    split.append(_split(fields[usage]))
                    votes.append([_whole_number(fields[column]) for column in columns])
                except (ValueError, IndexError) as error:
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
    """Return the positions of Usage and of the ten vote columns, the latter in the order of `FERPLUS_NAMES`."""
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
