"""A table that is written while a camera runs: what is there is whole at any moment, however the run ends."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from moue.errors import MoueError
from moue.output.table_files import check_output
from moue.output.tables import csv_rows
from moue.recognition.results import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.recognition.frame_results import FrameResult


class LiveTable:
    """Rows of a camera under the name that was asked for, from the first one on; use it in a ``with``.

    Args:
        path: ``.csv`` has the columns of `moue.recognition.results.columns`, one row for each face or one with the
            status; ``.jsonl`` one `FrameResult.to_dict` in each line.
        class_names: The classes, in order.
        overwrite: Replace an existing file.

    Attributes:
        num_results: Results written so far.

    Raises:
        MoueError: another suffix, `path` exists and `overwrite` is false, or it cannot be written.
    """

    def __init__(self, path: str | Path, *, class_names: Sequence[str], overwrite: bool = False) -> None:
        self.path = check_live_output(path, overwrite=overwrite)
        self.num_results = 0
        self._class_names = tuple(class_names)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A source's name may hold bytes that are no text.
            self._file: IO[str] = self.path.open(
                "w" if overwrite else "x", encoding="utf-8", errors="backslashreplace", newline=""
            )
        except OSError as error:
            raise MoueError(f"cannot write {self.path}: {error.strerror}", "a folder that can be written to") from error
        if self.path.suffix.lower() == ".csv":
            csv.writer(self._file, lineterminator="\n").writerow(columns(self._class_names))
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, result: FrameResult) -> None:
        """Add a frame's rows; they are in the file when this returns.

        Raises:
            MoueError: writing failed.
        """
        if self.path.suffix.lower() == ".csv":
            text = csv_rows(result, self._class_names)
        else:
            text = json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False) + "\n"
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise MoueError(f"writing {self.path} failed: {error.strerror}", fix="Is the disk full?") from error
        self.num_results += 1


def check_live_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` if a camera's rows can be written to it, so that one learns of a mistake before the work.

    Raises:
        MoueError: another suffix than ``.csv`` and ``.jsonl``, or the file exists and `overwrite` is false.
    """
    if Path(path).suffix.lower() not in (".csv", ".jsonl"):
        raise MoueError(
            f"the output {path} has the suffix {Path(path).suffix!r}",
            ".csv or .jsonl, which are written row by row",
            "Rename the output.",
        )
    return check_output(path, overwrite=overwrite)
