"""A CSV file that an interrupted run continues."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from moue.errors import MoueError
from moue.files import cannot_write, locked, read_json, refuse_existing, write_json, write_text
from moue.output.formats import check_output
from moue.output.formats.csv_format import safe_path
from moue.output.resume import keep_whole_rows
from moue.recognition.image_result import VERSION
from moue.recognition.rows import columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from moue.output.formats.registry import Result


class CsvRun:
    """A CSV file that grows during a run, and that the same run continues after an interruption.

    The rows are in ``NAME.csv.part`` until `finish` gives the file its name. The settings are kept beside it, so that a
    run with other settings does not add its rows. The rows of an image are written together. When a run continues, it
    drops the rows of an image that were not all written, and those of a video that was not written to its end in a
    `whole` block.

    Args:
        path: The CSV file to write.
        class_names: The classes, in order.
        settings: What the rows depend on, as JSON values.
        overwrite: Replace an existing file, and start again where a part with other settings is left.
        name: The format, "csv" or "excel".

    Raises:
        MoueError: `path` exists and `overwrite` is false, the part left was made with other settings, or another
            process writes the same file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        class_names: Sequence[str],
        settings: Mapping[str, Any],
        overwrite: bool = False,
        name: str = "csv",
    ) -> None:
        self.path = Path(path)
        self._format = check_output(path, overwrite=overwrite, name=name)
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(locked(self.path))
        try:
            self._open(class_names, settings, overwrite=overwrite)
        except BaseException:
            self._lock.close()
            raise

    def _open(self, class_names: Sequence[str], settings: Mapping[str, Any], *, overwrite: bool) -> None:
        self.part = self.path.with_name(f"{self.path.name}.part")
        self._settings_file = self.path.with_name(f"{self.path.name}.part.json")
        self._journal_file = self.path.with_name(f"{self.path.name}.part.journal")
        self._journal: dict[str, Any] = {}  # size: where an unfinished video's rows begin; drawing: the last one begun
        self._class_names = tuple(class_names)
        self._overwrite = overwrite
        settings = {"version": VERSION, "format": self._format.name, "class_names": list(class_names), **settings}
        self._done = self._take_up(json.loads(json.dumps(settings)))
        self.num_done = self._done.total()
        self._interrupted_drawing = self._journal.get("drawing")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.num_done:
                write_json(self._settings_file, settings)
                write_text(self.part, self._format.begin(self._class_names))
            self._file: IO[str] = self.part.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise cannot_write(self.part, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others write it; nothing that was written is lost."""
        try:
            # A full disk has been told by `write`; closing writes the same bytes once more.
            with contextlib.suppress(OSError):
                self._file.close()
        finally:
            self._lock.close()

    def is_done(self, file: str) -> bool:
        """Return whether the rows of this image or video are there already, once for each time that it was written."""
        name = _stored(file)
        if not self._done[name]:
            return False
        self._done[name] -= 1
        return True

    def write(self, result: Result) -> None:
        """Add the rows of an image or frame; they are in the file when this returns."""
        try:
            self._file.write(self._format.result(result, self._class_names, False))
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.part, error) from error

    def begin_drawing(self, target: Path) -> None:
        """Note that a drawing of this run is about to be written, so that the next run may replace it if need be."""
        self._note(drawing=_absolute(target))

    def was_drawing(self, target: Path) -> bool:
        """Return whether this is the drawing that the interrupted run had begun last, and thus no file of the user."""
        return self._interrupted_drawing == _absolute(target)

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Keep the rows that are written in the block only if it ends without an error; else the next run drops them.

        Used for one video, so that the file holds all of its rows or none.
        """
        self._note(size=self.part.stat().st_size)
        yield
        self._note(size=None)

    def finish(self) -> Path:
        """Give the file its name.

        Raises:
            MoueError: a file of that name has appeared and may not be replaced; the rows stay in `part`.
        """
        self._file.close()
        refuse_existing(self.path, overwrite=self._overwrite)
        self.part.replace(self.path)
        self._settings_file.unlink(missing_ok=True)
        self._journal_file.unlink(missing_ok=True)
        self._lock.close()
        return self.path

    def _note(self, **news: object) -> None:
        self._journal.update(news)
        write_json(self._journal_file, self._journal)

    def _take_up(self, settings: dict[str, Any]) -> Counter[str]:
        """Return the images and videos that are done, how many times each, after dropping what is not whole."""
        if self.part.is_file():
            try:
                self._check_left(settings)
            except MoueError:
                if not self._overwrite:
                    raise
            else:
                done = keep_whole_rows(
                    self.part,
                    columns(self._class_names),
                    self._journal.get("size"),
                    header=self._format.begin(self._class_names),
                )
                if self._journal:
                    self._note(size=None)
                return done
        self._journal = {}
        self._journal_file.unlink(missing_ok=True)
        return Counter()

    def _check_left(self, settings: dict[str, Any]) -> None:
        """Read the journal of an interrupted run with these settings."""
        before = read_json(self._settings_file) if self._settings_file.is_file() else None
        if before != settings:
            raise MoueError(
                f"{self.part} was left by a run with other settings",
                "the same model, detector and options",
                "Run the same command as before, or add --overwrite to start over.",
            )
        journal = read_json(self._journal_file) if self._journal_file.is_file() else {}
        if not isinstance(journal, dict) or not isinstance(journal.get("size"), int | None):
            fix = "Add --overwrite to start over."
            raise MoueError(f"{self._journal_file} is damaged", "what moue wrote", fix)
        self._journal = journal


def _stored(file: str) -> str:
    """Return a file's name as the CSV file has it."""
    return safe_path(os.fspath(file)).encode("utf-8", "backslashreplace").decode("utf-8")


def _absolute(path: Path) -> str:
    return _stored(os.path.abspath(path))  # noqa: PTH100 (Path.absolute keeps "..")
