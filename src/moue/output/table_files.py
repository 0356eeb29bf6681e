"""What all tables of results share: which files can be written, and cells that a spreadsheet leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from moue.errors import MoueError
from moue.files import refuse_existing

SUFFIXES: Final = (".csv", ".json", ".jsonl")
# A spreadsheet runs a cell that starts like this: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` if results can be written to it, so that one learns of a mistake before the work.

    Raises:
        MoueError: the suffix is none of ``.csv``, ``.json``, ``.jsonl``, or the file exists and `overwrite` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise MoueError(
            f"the output {path} has the suffix {path.suffix!r}", f"one of {', '.join(SUFFIXES)}", "Rename the output."
        )
    refuse_existing(path, overwrite=overwrite)
    return path


def number(value: float | None) -> str:
    """Return a probability as a CSV cell."""
    return "" if value is None else f"{value:.6f}"


def safe_path(path: str) -> str:
    """Return a file name as a CSV cell that no spreadsheet runs as a formula and that still names the same file."""
    return f"./{path}" if path.startswith(_FORMULA) else path


def defused(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
