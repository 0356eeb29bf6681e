"""Results to CSV, JSON and JSON Lines; and a CSV file that an interrupted run can resume."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final, Self

from moue.errors import MoueError
from moue.files import locked, read_json, refuse_existing, replacing, write_json, write_text
from moue.output.resume import keep_whole_rows
from moue.output.table_files import check_output, defused, number, safe_path
from moue.recognition.results import FORMAT, VERSION, columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from moue.recognition.frame_results import FrameResult
    from moue.recognition.results import ImageResult

_DECIMALS: Final = {"x": 2, "y": 2, "face_width": 2, "face_height": 2, "time_s": 3}


def write_results(
    results: Iterable[ImageResult | FrameResult],
    path: str | Path,
    *,
    class_names: Sequence[str],
    overwrite: bool = False,
) -> int:
    r"""Write results in the format that the suffix names, UTF-8, atomically.

    ``.csv`` has the columns of `moue.recognition.results.columns`: one row for each face, or one with the status.
    ``.jsonl`` has one `ImageResult.to_dict` in each line. ``.json`` is an object with format, version, class_names and
    the list results. Cells that a spreadsheet would run as a formula are defused; file names that are not Unicode are
    written with ``\udcXX``.

    Args:
        results: May be a generator, nothing of it is read if `path` is refused.
        path: The file to write.
        class_names: The classes, in order.
        overwrite: Replace an existing file.

    Returns:
        The number of results written.

    Raises:
        MoueError: the suffix is unknown, `path` exists and `overwrite` is false, or it cannot be written.
    """
    target = check_output(path, overwrite=overwrite)
    kind = target.suffix.lower()
    count = 0
    with (
        replacing(target, overwrite=overwrite) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        if kind == ".csv":
            file.write(_line(columns(class_names)))
        elif kind == ".json":
            about = {"format": FORMAT, "version": VERSION, "class_names": list(class_names)}
            file.write(json.dumps(about, ensure_ascii=False)[:-1] + ', "results": [')
        for count, result in enumerate(results, 1):
            if kind == ".csv":
                file.write(csv_rows(result, class_names))
            else:
                text = json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False)
                file.write(text + "\n" if kind == ".jsonl" else ("\n" if count == 1 else ",\n") + text)
        if kind == ".json":
            file.write("\n]}\n")
    return count


def csv_rows(result: ImageResult | FrameResult, class_names: Sequence[str]) -> str:
    """Return a result's rows as text with line ends."""
    return "".join(_line(_cells(row)) for row in result.rows(class_names))


class CsvRun:
    """A CSV file that grows during a run, and that the same run resumes after an interruption.

    The rows are in ``NAME.csv.part`` until `finish` gives it its name; `settings` are beside it, so that a run with
    other settings does not mix its rows in. Rows of a picture are written together, and those of a picture that was
    not written whole are dropped when going on, so are those of a video that was written in a `whole` block.

    Args:
        path: The CSV file to be.
        class_names: The classes, in order.
        settings: What the rows depend on, as JSON values.
        overwrite: Replace an existing file, and start over where a part with other settings is left.

    Raises:
        MoueError: `path` exists and `overwrite` is false, the part left was made with other settings, or another
            process writes the same file.
    """

    def __init__(
        self, path: str | Path, *, class_names: Sequence[str], settings: Mapping[str, Any], overwrite: bool = False
    ) -> None:
        self.path = check_output(path, overwrite=overwrite)
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
        settings = {"version": VERSION, "class_names": list(class_names), **settings}
        self._done = self._take_up(json.loads(json.dumps(settings)))
        self.num_done = self._done.total()
        self._interrupted_drawing = self._journal.get("drawing")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.num_done:
                write_json(self._settings_file, settings)
                # Excel takes a CSV file without this mark for one in the computer's old code page.
                mark = "\ufeff" if settings.get("excel") else ""
                write_text(self.part, mark + _line(columns(class_names)))
            self._file: IO[str] = self.part.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise MoueError(f"cannot write {self.part}: {error.strerror}", "a folder that can be written to") from error

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
        """Return whether this picture's rows are there already; each row counts for one mention of the picture."""
        name = _stored(file)
        if not self._done[name]:
            return False
        self._done[name] -= 1
        return True

    def write(self, result: ImageResult | FrameResult) -> None:
        """Add a picture's rows; they are in the file when this returns."""
        try:
            self._file.write(csv_rows(result, self._class_names))
            self._file.flush()
        except OSError as error:
            raise MoueError(f"writing {self.part} failed: {error.strerror}", fix="Is the disk full?") from error

    def begin_drawing(self, target: Path) -> None:
        """Note that a drawing of this run is about to be written, so that the next run may replace it if need be."""
        self._note(drawing=_absolute(target))

    def was_drawing(self, target: Path) -> bool:
        """Return whether this is the drawing that the interrupted run had begun last, and thus no file of the user."""
        return self._interrupted_drawing == _absolute(target)

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Keep the rows that are written in the block only if it ends without an error; else the next run drops them.

        For one video: it has its rows all or none.
        """
        self._note(size=self.part.stat().st_size)
        yield
        self._note(size=None)

    def finish(self) -> Path:
        """Give the file its name.

        Raises:
            MoueError: a file of that name has come meanwhile and may not be replaced; the rows stay in `part`.
        """
        self._file.close()
        refuse_existing(self.path, overwrite=self._overwrite)
        self.part.replace(self.path)
        self._settings_file.unlink(missing_ok=True)
        self._journal_file.unlink(missing_ok=True)
        self._lock.close()
        return self.path

    def _note(self, **news: Any) -> None:  # noqa: ANN401 (JSON is anything)
        self._journal.update(news)
        write_json(self._journal_file, self._journal)

    def _take_up(self, settings: dict[str, Any]) -> Counter[str]:
        """Return the pictures that are done, how many times each, after dropping rows that are not whole."""
        if self.part.is_file():
            try:
                self._check_left(settings)
            except MoueError:
                if not self._overwrite:
                    raise
            else:
                done = keep_whole_rows(self.part, columns(self._class_names), self._journal.get("size"))
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


def _cells(row: Mapping[str, Any]) -> list[str]:
    cells = []
    for name, value in row.items():
        if value is None:
            cells.append("")
        elif name == "file":
            cells.append(safe_path(value))
        elif isinstance(value, bool):
            cells.append(str(value).lower())
        elif isinstance(value, float):
            cells.append(f"{value:.{_DECIMALS[name]}f}" if name in _DECIMALS else number(value))
        else:
            cells.append(defused(value) if isinstance(value, str) else str(value))
    return cells


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    # Python's writer leaves a carriage return unquoted where lines end in another way; its reader ends the row there.
    if "\r" in text.getvalue():
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    return text.getvalue()


def _stored(file: str) -> str:
    """Return a file's name as the CSV file has it."""
    return safe_path(os.fspath(file)).encode("utf-8", "backslashreplace").decode("utf-8")


def _absolute(path: Path) -> str:
    return _stored(os.path.abspath(path))  # noqa: PTH100 (Path.absolute keeps "..")
