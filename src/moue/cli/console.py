"""What all commands print alike: errors, remarks, tables, progress."""

from __future__ import annotations

import contextlib
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Final, Literal

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from moue.errors import MoueError
    from moue.progress import Progress

_NUMBER: Final = re.compile(r"[\d.,]*( M| %)?")
# File names may hold what a terminal takes as a command, what turns the direction of writing (U+202E), what ends a
# line, and bytes that are no text.
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
WIDTH: Final = 80
"""Columns that every command's output fits into."""


class _State:
    quiet = False


messages = Console(stderr=True, highlight=False, emoji=False)


def set_quiet(value: bool) -> None:
    """Print only results, errors and what could not be done from now on, or everything again."""
    _State.quiet = value


def print_error(error: MoueError) -> None:
    """Print the three parts of an error to standard error."""
    _print(f"error: {error}", style="red" if messages.is_terminal else None)


def note(text: str) -> None:
    """Print a remark to standard error, where it does not mix with results; ``--quiet`` leaves it out."""
    if not _State.quiet:
        warn(text)


def warn(text: str) -> None:
    """Print what the user must know even with ``--quiet``: what could not be done."""
    _print(text)


def _print(text: str, style: str | None = None) -> None:
    # Words are wrapped for people only: programs get each message on one line.
    messages.print(harmless(text), markup=False, style=style, soft_wrap=not messages.is_terminal)


def wrote(*paths: Path) -> None:
    """Say what was written and where."""
    for path in paths:
        note(f"wrote {path}")


def say(text: str) -> None:
    """Print a line of the result to standard output."""
    # Not rich: it would wrap the line, and be slow with many.
    sys.stdout.write(harmless(text) + "\n")


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Return a text in lines that fit the width; words stay whole, so that addresses can be copied.

    Args:
        text: One paragraph.
        first: What the first line begins with.
        rest: What the other lines begin with.
    """
    return textwrap.fill(
        text,
        width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def harmless(text: str) -> str:
    """Return a text without what commands a terminal; line ends and tabs stay."""
    return _NOT_SHOWN.sub("?", text)


def one_line(text: str) -> str:
    """Return a text that may come from outside, such as a file's name, as part of one line."""
    return harmless(re.sub(r"[\t\n]", "?", text))


def width() -> int:
    """Return how many columns may be used: those of the terminal; a pipe or a file has 80."""
    return max(WIDTH // 2, messages.width if sys.stdout.isatty() and messages.is_terminal else WIDTH)


def height() -> int | None:
    """Return the lines of the terminal, or None where results do not go to one."""
    return Console().height if sys.stdout.isatty() else None


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns of numbers are aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for position, column in enumerate(columns):
        numeric = all(_NUMBER.fullmatch(row[position]) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(harmless, row))
    Console(highlight=False, markup=False, emoji=False, width=width()).print(table)


@contextlib.contextmanager
def byte_progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of bytes while the block runs; yields the function that moves it."""
    with _progress(title, "bytes") as moved:
        moved(0, total)
        yield lambda done: moved(done, total)


@contextlib.contextmanager
def count_progress(title: str) -> Iterator[Progress]:
    """Show a bar of things done while the block runs; yields the function that moves it."""
    with _progress(title, "count") as moved:
        yield moved


@contextlib.contextmanager
def waiting(title: str) -> Iterator[None]:
    """Say that something of unknown length is being done while the block runs."""
    if messages.is_terminal and not _State.quiet:
        with messages.status(title):
            yield
    else:
        note(title)
        yield


@contextlib.contextmanager
def loading_keras() -> Iterator[None]:
    """Say that Keras and its backend, which take seconds, are loaded in the block; the block imports them."""
    import os

    if "keras" in sys.modules:
        yield
        return
    names = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    with waiting(f"Loading {names.get(backend, backend)}…"):
        yield


@contextlib.contextmanager
def _progress(title: str, unit: Literal["bytes", "count"]) -> Iterator[Progress]:
    if not messages.is_terminal or _State.quiet:
        # Nothing would move there, and rich would leave empty lines behind.
        yield lambda _done, _total: None
        return
    from rich import progress

    amount = progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn()
    name = progress.TextColumn("{task.description}", markup=False)
    columns = (name, progress.BarColumn(), amount, progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task(one_line(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
