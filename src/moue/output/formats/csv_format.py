"""CSV: one row for each face, or one row with the status of an image without faces.

Cells that a spreadsheet would run as a formula are escaped. Excel reads a CSV file in an old code page, and garbles
names with accents, unless it begins with a byte order mark. Other programs read that mark as a part of the first
column's name, so only the format ``excel`` writes it.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from moue.output.formats.registry import TableFormat
from moue.recognition.rows import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from moue.output.formats.registry import Result

BYTE_ORDER_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_DECIMALS: Final = {"x": 2, "y": 2, "face_width": 2, "face_height": 2, "time_s": 3}
_DECIMALS_OF_OTHERS: Final = 6
# A spreadsheet runs a cell that starts like this: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def line_of(cells: Iterable[str]) -> str:
    """Return a row as text with a line end."""
    cells = list(cells)
    text = io.StringIO(newline="")
    # Python's writer does not quote a carriage return if lines end differently, but its reader ends the row there.
    quoting: Any = csv.QUOTE_ALL if any("\r" in cell for cell in cells) else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator="\n", quoting=quoting).writerow(cells)
    return text.getvalue()


def safe_path(path: str) -> str:
    """Return a file name that no spreadsheet runs as a formula, but that still names the same file."""
    return f"./{path}" if path.startswith(_FORMULA) else path


def _escaped(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


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
            cells.append(f"{value:.{_DECIMALS.get(name, _DECIMALS_OF_OTHERS)}f}")
        else:
            cells.append(_escaped(value) if isinstance(value, str) else str(value))
    return cells


def _begin(class_names: Sequence[str]) -> str:
    return line_of(columns(class_names))


def _result(result: Result, class_names: Sequence[str], _first: bool) -> str:
    return "".join(line_of(_cells(row)) for row in result.to_rows(class_names))


FORMATS: Final = (
    TableFormat("csv", ".csv", _begin, _result, resumable=True),
    TableFormat("excel", ".csv", lambda names: BYTE_ORDER_MARK + _begin(names), _result, resumable=True),
)
