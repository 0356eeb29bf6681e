"""Predictions to a CSV, JSON or JSON Lines file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from moue.errors import MoueError
from moue.files import refuse_existing, replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from moue.inference.predict import FacePrediction

FORMAT: Final = "moue-predictions"
VERSION: Final = 1
# A spreadsheet runs a cell that starts like this: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` if predictions can be written to it, so that one learns of a mistake before the work.

    Raises:
        MoueError: the suffix is none of ``.csv``, ``.json``, ``.jsonl``, or the file exists and `overwrite` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise MoueError(
            f"the output {path} has the suffix {path.suffix!r}", f"one of {', '.join(_WRITERS)}", "Rename the output."
        )
    refuse_existing(path, overwrite=overwrite)
    return path


def write_predictions(
    predictions: Iterable[FacePrediction],
    path: str | Path,
    *,
    class_names: Sequence[str],
    overwrite: bool = False,
) -> int:
    r"""Write predictions in the format that the suffix names, UTF-8, atomically.

    ``.csv`` has one row for each file with the columns file, status, width, height, emotion, confidence, one
    ``prob_CLASS`` for each class, message. ``.jsonl`` has one `FacePrediction.to_dict` in each line. ``.json`` is an
    object with format, version, class_names and the list predictions. Probabilities are fractions.

    A CSV cell that a spreadsheet would run as a formula is defused: a file name gets ``./`` in front, which still
    names the same file; any other text an apostrophe. File names that are not Unicode are written with ``\udcXX``.

    Args:
        predictions: The rows; may be a generator, nothing of it is read if `path` is refused.
        path: The file to write.
        class_names: The classes, in order.
        overwrite: Replace an existing file.

    Returns:
        The number of rows written.

    Raises:
        MoueError: as `check_output`, or the file cannot be written.
    """
    target = check_output(path, overwrite=overwrite)
    with (
        replacing(target, overwrite=overwrite) as temporary,
        # A lone surrogate, as file names may hold, becomes \udcXX: in JSON an escape that reads back as it was.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        return _WRITERS[target.suffix.lower()](predictions, file, class_names)


def _write_csv(predictions: Iterable[FacePrediction], file: TextIO, class_names: Sequence[str]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    chances = [f"prob_{name}" for name in class_names]
    writer.writerow(["file", "status", "width", "height", "emotion", "confidence", *chances, "message"])
    count = 0
    for count, row in enumerate(predictions, 1):  # noqa: B007 (the last number is the answer)
        path = safe_path(row.file)
        probabilities = [number((row.probabilities or {}).get(name)) for name in class_names]
        texts = [defused(text) for text in (row.emotion or "", row.message)]
        size = [row.width or "", row.height or ""]
        writer.writerow([path, str(row.status), *size, texts[0], number(row.confidence), *probabilities, texts[1]])
    return count


def _write_jsonl(predictions: Iterable[FacePrediction], file: TextIO, _: Sequence[str]) -> int:
    count = 0
    for count, row in enumerate(predictions, 1):  # noqa: B007 (the last number is the answer)
        file.write(json.dumps(row.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
    return count


def _write_json(predictions: Iterable[FacePrediction], file: TextIO, class_names: Sequence[str]) -> int:
    rows = [row.to_dict() for row in predictions]
    content = {"format": FORMAT, "version": VERSION, "class_names": list(class_names), "predictions": rows}
    file.write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return len(rows)


_WRITERS: Final[dict[str, Callable[[Iterable[FacePrediction], TextIO, Sequence[str]], int]]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".jsonl": _write_jsonl,
}


def number(value: float | None) -> str:
    """Return a probability as a CSV cell."""
    return "" if value is None else f"{value:.6f}"


def safe_path(path: str) -> str:
    """Return a file name as a CSV cell that no spreadsheet runs as a formula and that still names the same file."""
    return f"./{path}" if path.startswith(_FORMULA) else path


def defused(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
