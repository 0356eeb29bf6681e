"""Results to CSV, JSON and JSON Lines; and a CSV file that an interrupted run goes on with."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final, Self

from moue.errors import MoueError
from moue.files import read_json, refuse_existing, replacing, write_json, write_text
from moue.inference.results import FORMAT, VERSION, columns
from moue.inference.tables import check_output, defused, number, safe_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from moue.inference.results import ImageResult
    from moue.inference.video.results import FrameResult

_DECIMALS: Final = {"x": 2, "y": 2, "face_width": 2, "face_height": 2, "time_s": 3}


def write_results(
    results: Iterable[ImageResult | FrameResult],
    path: str | Path,
    *,
    class_names: Sequence[str],
    overwrite: bool = False,
) -> int:
    r"""Write results in the format that the suffix names, UTF-8, atomically.

    ``.csv`` has the columns of `moue.inference.results.columns`: one row for each face, or one with the status.
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
    """A CSV file that grows while a run goes on, and that the same run goes on with after an interruption.

    The rows are in ``NAME.csv.part`` until `finish` gives it its name; `settings` are beside it, so that a run with
    other settings does not mix its rows in. Rows of a picture are written together, and those of a picture that was
    not written whole are dropped when going on, so are those of a video that was written in a `whole` block.

    Args:
        path: The CSV file to be.
        class_names: The classes, in order.
        settings: What the rows depend on, as JSON values.
        overwrite: Replace an existing file, and begin anew where a part is left.

    Raises:
        MoueError: `path` exists and `overwrite` is false, or the part left was made with other settings.
    """

    def __init__(
        self, path: str | Path, *, class_names: Sequence[str], settings: Mapping[str, Any], overwrite: bool = False
    ) -> None:
        self.path = check_output(path, overwrite=overwrite)
        self.part = self.path.with_name(f"{self.path.name}.part")
        self._settings_file = self.path.with_name(f"{self.path.name}.part.json")
        self._journal = self.path.with_name(f"{self.path.name}.part.video")
        self.interrupted = ""
        """The video that was being written when the run stopped."""
        self._class_names = tuple(class_names)
        self._overwrite = overwrite
        settings = {"version": VERSION, "class_names": list(class_names), **settings}
        self._done = Counter[str]() if overwrite else self._take_up(settings)
        self.num_done = self._done.total()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._journal.unlink(missing_ok=True)
            if not self.num_done:
                write_json(self._settings_file, settings)
                write_text(self.part, _line(columns(class_names)))
            self._file: IO[str] = self.part.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise MoueError(f"cannot write {self.part}: {error.strerror}", "a folder that can be written to") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

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

    @contextlib.contextmanager
    def whole(self, file: str) -> Iterator[None]:
        """Keep the rows that are written in the block only if it ends without an error; else the next run drops them.

        Args:
            file: The video that the rows are of.
        """
        write_json(self._journal, {"file": _stored(file), "size": self.part.stat().st_size})
        yield
        self._journal.unlink(missing_ok=True)

    def finish(self) -> Path:
        """Give the file its name.

        Raises:
            MoueError: a file of that name has come meanwhile and may not be replaced; the rows stay in `part`.
        """
        self._file.close()
        refuse_existing(self.path, overwrite=self._overwrite)
        self.part.replace(self.path)
        self._settings_file.unlink(missing_ok=True)
        return self.path

    def _take_up(self, settings: dict[str, Any]) -> Counter[str]:
        """Return the pictures that are done, how many times each, after dropping rows that are not whole."""
        if not self.part.is_file():
            return Counter()
        before = read_json(self._settings_file) if self._settings_file.is_file() else None
        if before != json.loads(json.dumps(settings)):
            raise MoueError(
                f"{self.part} was left by a run with other settings",
                "the same model, detector and options",
                "Run the same command as before, or add --overwrite to begin anew.",
            )
        self._roll_back()
        rows = _whole_rows(self.part, columns(self._class_names))
        text = "".join(_line(row) for row in [columns(self._class_names), *rows])
        with replacing(self.part) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
        # Of a picture's rows only its first, or only one, has no face or face 0; and of a video's, in its first frame.
        names = columns(self._class_names)
        face, frame = names.index("face"), names.index("frame")
        return Counter(row[0] for row in rows if row[face] in ("", "0") and row[frame] in ("", "0"))

    def _roll_back(self) -> None:
        """Cut off the rows of a video that was not written whole."""
        if not self._journal.is_file():
            return
        journal = read_json(self._journal)
        try:
            size, self.interrupted = int(journal["size"]), str(journal["file"])
        except (KeyError, TypeError, ValueError) as error:
            fix = "Add --overwrite to begin anew."
            raise MoueError(f"{self._journal} is damaged", "what moue wrote", fix) from error
        with self.part.open("r+b") as file:
            file.truncate(min(size, self.part.stat().st_size))


def _whole_rows(path: Path, names: Sequence[str]) -> list[list[str]]:
    """Return the rows of all pictures that were written whole."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
    rows: list[list[str]] = []
    # A cell may hold a line end, and a quoted one that was cut off raises.
    with contextlib.suppress(csv.Error):
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            rows.append(row)  # noqa: PERF402 (what was read before the error counts)
    rows = [row for row in rows[1:] if len(row) == len(names)]
    num_faces, face = names.index("num_faces"), names.index("face")
    if rows and rows[-1][face]:
        have, want = int(rows[-1][face]) + 1, int(rows[-1][num_faces])
        if have < want:
            del rows[-have:]
    return rows


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
    return text.getvalue()


def _stored(file: str) -> str:
    """Return a file's name as the CSV file has it."""
    return safe_path(os.fspath(file)).encode("utf-8", "backslashreplace").decode("utf-8")
