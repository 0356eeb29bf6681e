"""What all commands print alike: errors, notes, tables, progress."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Final, Literal

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from moue.errors import MoueError

_NUMBER: Final = re.compile(r"[\d.,]*( M)?")
# File names may hold what a terminal takes as a command, or bytes that are no text.
_NOT_SHOWN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
messages = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_error(error: MoueError) -> None:
    """Print the three parts of an error to standard error."""
    messages.print(harmless(f"error: {error}"), markup=False, style="red" if messages.is_terminal else None)


def note(text: str) -> None:
    """Print a remark to standard error, where it does not mix with results."""
    messages.print(harmless(text), markup=False)


def wrote(*paths: Path) -> None:
    """Say what was written and where."""
    for path in paths:
        note(f"wrote {path}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns of numbers stand at the right."""
    from rich.table import Table

    table = Table()
    for position, column in enumerate(columns):
        numeric = all(_NUMBER.fullmatch(row[position]) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(harmless, row))
    # A pipe or a file has no width: let the table be as wide as it wants there.
    Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 160).print(table)


@contextlib.contextmanager
def byte_progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of bytes while the block runs; yields the function that moves it."""
    with _progress(title, "bytes") as moved:
        moved(0, total)
        yield lambda done: moved(done, total)


@contextlib.contextmanager
def count_progress(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar of things done while the block runs; yields a function of (done, total), total None if unknown."""
    with _progress(title, "count") as moved:
        yield moved


@contextlib.contextmanager
def waiting(title: str) -> Iterator[None]:
    """Show that something of unknown length is running while the block runs."""
    with messages.status(title) if messages.is_terminal else contextlib.nullcontext():
        yield


def harmless(text: str) -> str:
    """Return text without what a terminal would take for a command, or would show in another order."""
    return _NOT_SHOWN.sub("?", text)


@contextlib.contextmanager
def _progress(title: str, unit: Literal["bytes", "count"]) -> Iterator[Callable[[int, int | None], None]]:
    if not messages.is_terminal:
        # Nothing would move there, and rich would leave empty lines behind.
        yield lambda _done, _total: None
        return
    from rich import progress

    amount = progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn()
    name = progress.TextColumn("{task.description}")
    columns = (name, progress.BarColumn(), amount, progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
