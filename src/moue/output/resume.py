"""What an interrupted run left of a CSV file: its whole rows are kept, row by row, since there may be millions."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from typing import TYPE_CHECKING

from moue.files import replacing
from moue.output.formats.csv_format import line_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path


def keep_whole_rows(path: Path, names: Sequence[str], size: int | None = None, *, header: str) -> Counter[str]:
    """Drop the rows that were not written whole, and count what is done. Only one image's rows are in memory.

    Args:
        path: The CSV file; replaced.
        names: Its columns.
        size: Most bytes to keep; None keeps all.
        header: The text before the rows.

    Returns:
        For each value of the column file how often it is done: images and videos.
    """
    if size is not None:
        with path.open("r+b") as file:
            file.truncate(min(max(size, 0), path.stat().st_size))
    face, frame = names.index("face"), names.index("frame")
    done = Counter[str]()
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(header)
        with contextlib.closing(_rows(path, len(names))) as rows:
            for group in _images(rows, face, names.index("num_faces")):
                file.writelines(map(line_of, group))
                # A video counts once, by its first frame.
                if group[0][frame] in ("", "0"):
                    done[group[0][0]] += 1
    return done


def _rows(path: Path, num_columns: int) -> Generator[list[str], None, None]:
    """Yield the rows after the first up to one that is cut off."""
    # A cell may hold a line end, and a quoted one that was cut off raises.
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file, contextlib.suppress(csv.Error):
        rows = csv.reader((line for line in file if line.endswith("\n")), strict=True)
        next(rows, None)
        yield from (row for row in rows if len(row) == num_columns)


def _images(rows: Iterator[list[str]], face: int, num_faces: int) -> Iterator[list[list[str]]]:
    """Yield the rows of each image or frame: one without a face, or one for each; the last if it is whole."""
    group: list[list[str]] = []
    for row in rows:
        if group and row[face] in ("", "0"):
            yield group
            group = []
        group.append(row)
    if group and (not group[-1][face] or str(len(group)) == group[-1][num_faces]):
        yield group
