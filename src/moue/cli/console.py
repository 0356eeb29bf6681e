"""Output that all commands share: errors, notes, tables, progress."""

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
# File names may contain terminal commands, characters that change the writing direction (U+202E) or end a line, and
# bytes that are not text.
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
WIDTH: Final = 80
"""Every command's output fits into this many columns."""


class _State:
    quiet = False


messages = Console(stderr=True, highlight=False, emoji=False)


def set_quiet(value: bool) -> None:
    """From now on, print only results, errors and failures; or everything again."""
    _State.quiet = value


def print_error(error: MoueError) -> None:
    """Print the three parts of an error to standard error."""
    _print(f"error: {error}", style="red" if messages.is_terminal else None)


def note(text: str) -> None:
    """Print a note to standard error, where it does not mix with results; ``--quiet`` suppresses it."""
    if not _State.quiet:
        warn(text)


def warn(text: str) -> None:
    """Print what the user must know even with ``--quiet``, such as failures."""
    _print(text)


def _print(text: str, style: str | None = None) -> None:
    # Lines are wrapped for people only; programs get each message on one line.
    messages.print(harmless(text), markup=False, style=style, soft_wrap=not messages.is_terminal)


def wrote(*paths: Path) -> None:
    """Print a note for each file that was written."""
    for path in paths:
        note(f"wrote {path}")


def say(text: str) -> None:
    """Print a line of the result to standard output."""
    # Not with rich, which would wrap the line and be slow with many lines.
    sys.stdout.write(harmless(text) + "\n")


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Return a text wrapped to the width; words stay whole, so that URLs can be copied.

    Args:
        text: One paragraph.
        first: Prefix of the first line.
        rest: Prefix of the other lines.
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
    """Return a text with terminal control characters replaced by "?"; line ends and tabs stay."""
    return _NOT_SHOWN.sub("?", text)


def one_line(text: str) -> str:
    """Return untrusted text, such as a file name, so that it stays on one line."""
    return harmless(re.sub(r"[\t\n]", "?", text))


def width() -> int:
    """Return the number of columns: those of the terminal; 80 for a pipe or a file."""
    return max(WIDTH // 2, messages.width if sys.stdout.isatty() and messages.is_terminal else WIDTH)


def height() -> int | None:
    """Return the number of lines of the terminal, or None if results do not go to one."""
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
    """Show a progress bar of bytes while the block runs; yields the function that advances it."""
    with _progress(title, "bytes") as moved:
        moved(0, total)
        yield lambda done: moved(done, total)


@contextlib.contextmanager
def count_progress(title: str) -> Iterator[Progress]:
    """Show a progress bar of items while the block runs; yields the function that advances it."""
    with _progress(title, "count") as moved:
        yield moved


@contextlib.contextmanager
def waiting(title: str) -> Iterator[None]:
    """Show the title of a task of unknown length while the block runs."""
    if messages.is_terminal and not _State.quiet:
        with messages.status(title):
            yield
    else:
        note(title)
        yield


@contextlib.contextmanager
def loading_keras() -> Iterator[None]:
    """Show that the block is importing Keras and its backend, which takes seconds."""
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
        # A bar cannot move there, and rich would leave empty lines.
        yield lambda _done, _total: None
        return
    from rich import progress

    amount = progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn()
    name = progress.TextColumn("{task.description}", markup=False)
    columns = (name, progress.BarColumn(), amount, progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task(one_line(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
