"""A CSV file that can be continued after an interruption."""

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
    """A CSV file that grows during a run; the same run can continue it after an interruption.

    The rows are in ``NAME.csv.part`` until `finish` gives the file its name. The settings are saved beside it, so that
    a run with other settings does not add its rows. The rows of an image are written together. When a run continues, it
    drops incomplete images, and videos that were not completed in a `whole` block.

    Args:
        path: The CSV file to write.
        class_names: The classes, in order.
        settings: What the rows depend on, as JSON values.
        overwrite: Replace an existing file, and start over if the existing part was made with other settings.
        name: The format, "csv" or "excel".

    Raises:
        MoueError: `path` exists and `overwrite` is false, the existing part was made with other settings, or another
            process is writing the same file.
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
        self._journal: dict[str, Any] = {}  # size: start of an unfinished video's rows; drawing: the last one started
        self._class_names = tuple(class_names)
        self._overwrite = overwrite
        settings = {"version": VERSION, "format": self._format.name, "class_names": list(class_names), **settings}
        self._done = self._resume(json.loads(json.dumps(settings)))
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
        """Close the file and release its lock; nothing that was written is lost."""
        try:
            # `write` has already reported a full disk; closing tries to write the same bytes again.
            with contextlib.suppress(OSError):
                self._file.close()
        finally:
            self._lock.close()

    def is_done(self, file: str) -> bool:
        """Return whether this image or video is already in the file; each written copy counts once."""
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
        """Record that a drawing is about to be written; the next run may replace it if this one is interrupted."""
        self._note(drawing=_absolute(target))

    def was_drawing(self, target: Path) -> bool:
        """Return whether this is the last drawing that the interrupted run started, and so not a file of the user."""
        return self._interrupted_drawing == _absolute(target)

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Keep the rows written in the block only if it ends without an error; otherwise the next run drops them.

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

    def _note(self, **changes: object) -> None:
        self._journal.update(changes)
        write_json(self._journal_file, self._journal)

    def _resume(self, settings: dict[str, Any]) -> Counter[str]:
        """Drop incomplete rows and return how many times each image and video is done."""
        if self.part.is_file():
            try:
                self._check_part(settings)
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

    def _check_part(self, settings: dict[str, Any]) -> None:
        """Check that the part was made with these settings, and read its journal."""
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
    """Return a file name as it is stored in the CSV file."""
    return safe_path(os.fspath(file)).encode("utf-8", "backslashreplace").decode("utf-8")


def _absolute(path: Path) -> str:
    return _stored(os.path.abspath(path))  # noqa: PTH100 (Path.absolute keeps "..")
