"""A table that is written while a camera runs: it is complete at any moment."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from moue.files import cannot_write, locked
from moue.output.formats import check_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.output.formats.registry import Result


class LiveTable:
    """Writes the rows of a camera to a file as they come; use it in a ``with``.

    Args:
        path: The file to write, in a format that is written row by row.
        class_names: The classes, in order.
        overwrite: Replace an existing file.

    Attributes:
        num_results: Results written so far.

    Raises:
        MoueError: the suffix is wrong, `path` exists and `overwrite` is false, another process is writing it, or it
            cannot be written.
    """

    def __init__(self, path: str | Path, *, class_names: Sequence[str], overwrite: bool = False) -> None:
        self.path, self.num_results = Path(path), 0
        self._format = check_output(path, overwrite=overwrite, by_line=True)
        self._class_names = tuple(class_names)
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(self.path))
            try:
                # A source's name may hold bytes that are not Unicode.
                self._file: IO[str] = self.path.open(
                    "w" if overwrite else "x", encoding="utf-8", errors="backslashreplace", newline=""
                )
            except OSError as error:
                raise cannot_write(self.path, error) from error
            stack.callback(self._close)
            self._put(self._format.begin(self._class_names))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, result: Result) -> None:
        """Add a frame's rows; they are in the file when this returns.

        Raises:
            MoueError: it cannot be written.
        """
        self._put(self._format.result(result, self._class_names, self.num_results == 0))
        self.num_results += 1

    def _put(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _close(self) -> None:
        # `write` has already reported the failure; closing tries to write the same bytes again.
        with contextlib.suppress(OSError):
            self._file.close()
