"""Tables of results that get their names when they are complete."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Self

from moue.errors import MoueError
from moue.files import cannot_write, locked, replacing
from moue.output.formats import check_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from moue.output.formats.registry import Result, TableFormat, Writer


class TableFile:
    """A table that is written under a temporary name and gets its own at the end; use it in a ``with``.

    Args:
        path: The file to write; its suffix chooses the format.
        class_names: The classes, in order.
        overwrite: Replace an existing file.
        name: The format, if several have the suffix.
        keep: Whether an error in the ``with`` leaves a valid file with the results so far, rather than no file.

    Attributes:
        num_results: Results written so far.

    Raises:
        MoueError: the suffix is unknown, `path` exists and `overwrite` is false, another process is writing it, or
            it cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        class_names: Sequence[str],
        overwrite: bool = False,
        name: str = "",
        keep: bool = False,
    ) -> None:
        self.path, self.num_results = Path(path), 0
        self._format = check_output(path, overwrite=overwrite, name=name)
        self._class_names, self._overwrite, self._keep = tuple(class_names), overwrite, keep
        self._stack = contextlib.ExitStack()
        self._writer: Writer

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(self.path))
            temporary = stack.enter_context(replacing(self.path, overwrite=self._overwrite))
            open_writer = self._format.open or functools.partial(_TextWriter, self._format)
            self._writer = open_writer(temporary, self._class_names)
            stack.push(self._close)
            self._stack = stack.pop_all()
        return self

    def write(self, result: Result) -> None:
        """Add a result.

        Raises:
            MoueError: it cannot be written.
        """
        try:
            self._writer.write(result)
        except OSError as error:
            raise _WriteError(*_parts(cannot_write(self.path, error))) from error
        self.num_results += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = isinstance(error, _WriteError)
        if error is None or (self._keep and not failed):
            kind, error, trace = None, None, None
        self._stack.__exit__(kind, error, trace)

    def _close(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._writer.close(whole=True)
            return
        # `write` has already reported the failure; closing tries to write the same bytes again.
        with contextlib.suppress(OSError):
            self._writer.close(whole=False)


class _TextWriter:
    """Writes a text format as UTF-8."""

    def __init__(self, table_format: TableFormat, path: Path, class_names: Sequence[str]) -> None:
        self._format, self._class_names, self._is_first = table_format, class_names, True
        # A file name may hold bytes that are not Unicode; they are written as \udcXX.
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._file.write(table_format.begin(class_names))

    def write(self, result: Result) -> None:
        self._file.write(self._format.result(result, self._class_names, self._is_first))
        self._is_first = False

    def close(self, *, whole: bool) -> None:
        try:
            if whole:
                self._file.write(self._format.end)
        finally:
            self._file.close()


class _WriteError(MoueError):
    """The table itself could not be written, so none of it can be kept."""


def _parts(error: MoueError) -> tuple[str, str, str]:
    return error.came, error.expected, error.fix
