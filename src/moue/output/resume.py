"""Keeps the complete rows of an interrupted CSV file; works row by row, since there may be millions."""

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
    """Drop incomplete rows and images, and count what is done. Only one image's rows are in memory at a time.

    Args:
        path: The CSV file; replaced.
        names: Its columns.
        size: Maximum number of bytes to keep; None keeps all.
        header: The text before the rows.

    Returns:
        How often each image or video, by its value in the column `file`, is done.
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
    """Yield the rows after the header, up to one that is cut off."""
    # A cell may contain a line end; a quoted cell that is cut off raises an error.
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file, contextlib.suppress(csv.Error):
        rows = csv.reader((line for line in file if line.endswith("\n")), strict=True)
        next(rows, None)
        yield from (row for row in rows if len(row) == num_columns)


def _images(rows: Iterator[list[str]], face: int, num_faces: int) -> Iterator[list[list[str]]]:
    """Yield the rows of each image or frame: one per face, or one without a face; the last group only if complete."""
    group: list[list[str]] = []
    for row in rows:
        if group and row[face] in ("", "0"):
            yield group
            group = []
        group.append(row)
    if group and (not group[-1][face] or str(len(group)) == group[-1][num_faces]):
        yield group
