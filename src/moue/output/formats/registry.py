"""The formats of result tables, found by scanning this folder."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from moue.errors import MoueError, SettingError
from moue.files import refuse_existing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PACKAGE = "moue.output.formats"


class Result(Protocol):
    """What a table contains: the result of an image or a frame."""

    @property
    def file(self) -> str:
        """The name of the image or video."""

    def to_rows(self, class_names: Sequence[str], /) -> list[dict[str, Any]]:
        """Return one flat row for each face, or one row with the status."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON values."""


class Writer(Protocol):
    """Writes a table."""

    def write(self, result: Result) -> None:
        """Add a result."""

    def close(self, *, whole: bool) -> None:
        """Close the file; if `whole`, complete it first."""


@dataclasses.dataclass(frozen=True)
class TableFormat:
    """How results are written as text, or as another kind of file.

    Attributes:
        name: Its name; the default format of a suffix is named after it, without the dot.
        suffix: The suffix of its files, with the dot, in lower case.
        begin: Returns the text before the results, given the class names.
        result: Returns the text of one result, given it, the class names, and whether it is the first.
        end: The text after the results.
        by_line: Whether the file is valid after each result, as the table of a camera has to be.
        open: For a format that is not text: opens the file, given its path and the class names.
        resumable: Whether an interrupted run can continue such a file, as `moue.output.resume` does.
    """

    name: str
    suffix: str
    begin: Callable[[Sequence[str]], str] = lambda _class_names: ""
    result: Callable[[Result, Sequence[str], bool], str] = lambda _result, _class_names, _first: ""
    end: str = ""
    by_line: bool = True
    open: Callable[[Path, Sequence[str]], Writer] | None = None
    resumable: bool = False


@functools.cache
def formats() -> dict[str, TableFormat]:
    """Return all formats by name.

    Raises:
        MoueError: two formats have the same name.
    """
    found: dict[str, TableFormat] = {}
    for module in pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__):
        for one in getattr(importlib.import_module(f"{_PACKAGE}.{module.name}"), "FORMATS", ()):
            if one.name in found:
                raise MoueError(f"there are two formats {one.name!r}", "a new name")
            found[one.name] = one
    return found


def format_of(path: str | Path, name: str = "") -> TableFormat:
    """Return the format of a file, by its suffix.

    Args:
        path: The file to write.
        name: Chooses between formats with the same suffix, such as "excel".

    Raises:
        MoueError: no format has the suffix, or the format `name` has another one.
    """
    suffix = Path(path).suffix.lower()
    known = formats()
    suffixes = sorted({one.suffix for one in known.values()})
    if suffix not in suffixes:
        raise SettingError(
            f"the output {path} has the suffix {suffix!r}", f"one of {', '.join(suffixes)}", "Rename the output."
        )
    if not name:
        return known[suffix[1:]]
    if name not in known:
        raise SettingError(f"unknown format {name!r}", f"one of {', '.join(known)}")
    if known[name].suffix != suffix:
        raise SettingError(f"the output {path} has the suffix {suffix!r}", f"{known[name].suffix} for {name}")
    return known[name]


def check_output(path: str | Path, *, overwrite: bool = False, by_line: bool = False, name: str = "") -> TableFormat:
    """Return the format if results can be written to `path`, so that mistakes are reported before any work.

    Args:
        path: The file to write.
        overwrite: Whether it may exist.
        by_line: Whether it has to be valid after each result.
        name: As for `format_of`.

    Raises:
        MoueError: there is no such format, or the file exists and `overwrite` is false.
    """
    found = format_of(path, name)
    if by_line and not found.by_line:
        allowed = sorted({one.suffix for one in formats().values() if one.by_line})
        raise SettingError(
            f"the output {path} has the suffix {found.suffix!r}",
            f"{' or '.join(allowed)}, which are written row by row",
            "Rename the output.",
        )
    refuse_existing(Path(path), overwrite=overwrite)
    return found
