"""Tables with the columns emotion, pixels and Usage: `fer2013.csv` and its variants, plain or packed.

Lines in the published format are parsed fast. Any other line is parsed leniently, as pandas and spreadsheets write it:
a label as a name or as 3.0, pixels in brackets or with commas, quoted cells, other words for the splits. The labels may
be names of any classes.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import re
from typing import IO, TYPE_CHECKING, Final, cast

import numpy as np

from moue.data.dataset import IMAGE_SHAPE, SPLIT_DTYPE, BadRow, Dataset
from moue.data.readers.label_column import LABEL_HEADINGS, LabelColumn
from moue.data.readers.pixels import NUM_PIXELS, parse_rows
from moue.data.readers.reader import Reader, ReadOptions
from moue.data.readers.unpack import BROKEN, opened, table_stream
from moue.data.splits import USAGE_NAMES, hold_out, split_of
from moue.errors import MoueError
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_BOM: Final = b"\xef\xbb\xbf"
# A row of 2,304 three-digit numbers has about 9.2 kB, and up to twice that with commas; longer rows are not valid.
MAX_LINE: Final = 1 << 16
_ROWS_AT_ONCE: Final = 1024
_MAX_BLANK_LINES: Final = 1000
_FREE_BAD_ROWS: Final = 1000  # more bad rows than these are allowed only if there are as many good ones
_LAST_LABEL: Final = len(CLASS_NAMES) - 1
_USAGE_HEADINGS: Final = ("usage", "split", "subset", "partition")
_WHOLE_FLOAT: Final = re.compile(r"\.0+\b")


@dataclasses.dataclass(frozen=True)
class _Columns:
    """The positions of the columns, from the header, and their separator."""

    label: int
    pixels: int
    usage: int | None
    num_columns: int
    separator: bytes = b","


@dataclasses.dataclass
class _Block:
    """Some rows, with their pixels still as text."""

    rows: list[int] = dataclasses.field(default_factory=list)
    lines: list[int] = dataclasses.field(default_factory=list)
    labels: list[int] = dataclasses.field(default_factory=list)
    split: list[str] = dataclasses.field(default_factory=list)
    texts: list[bytes] = dataclasses.field(default_factory=list)


class _BadRows:
    """Collects bad rows, or raises at the first one; memory stays bounded whatever the file holds."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.found: list[BadRow] = []
        self.num_good = 0
        self._path = path
        self._options = options

    def add(self, row: int, line: int, reason: str) -> None:
        if self._options.on_bad_row == "raise":
            raise MoueError(
                f"{self._path}: data row {row} (line {line}): {reason}",
                fix='Correct the row, or leave such rows out with on_bad_row="skip" (--on-bad-row skip).',
            )
        self.found.append(BadRow(row, reason))
        if len(self.found) > max(_FREE_BAD_ROWS, self.num_good):
            raise MoueError(
                f"{self._path}: {len(self.found):,} of the first {row + 1:,} rows are wrong, the last: {reason}",
                "a table of which most rows can be read",
            )


def read_table(path: Path, options: ReadOptions) -> Dataset:
    """Read a table.

    Raises:
        MoueError: the file is missing, empty, not such a table, or holds a bad row; the message names the row.
    """
    with opened(path) as raw:
        try:
            with table_stream(path, raw) as stream:
                return _read(path, stream, raw, options)
        except BROKEN as error:
            raise MoueError(f"{path} is damaged: {error}", "a whole file", "Download it again.") from error


def _read(path: Path, stream: IO[bytes], raw: IO[bytes], options: ReadOptions) -> Dataset:
    bad = _BadRows(path, options)
    images: list[NDArray[np.uint8]] = []
    kept = _Block()
    lines = _lines(stream, path, raw, options.on_bytes)
    columns = _read_header(path, next(lines, (1, b""))[1])
    column = LabelColumn(options.numbering, str(path))
    for block in _blocks(lines, columns, column, bad):
        pixels, reasons = parse_rows(block.texts)
        for position, reason in reasons.items():
            bad.add(block.rows[position], block.lines[position], reason)
        good = [position for position in range(len(block.rows)) if position not in reasons]
        bad.num_good += len(good)
        images.append(pixels[good] if reasons else pixels)
        kept.labels += [block.labels[position] for position in good]
        kept.split += [block.split[position] for position in good]
        kept.rows += [block.rows[position] for position in good]
    if not kept.rows:
        raise MoueError(f"{path} has a header but no readable rows", "rows of label and pixels")
    labels, class_names = column.finish(kept.labels)
    dataset = Dataset(
        images=_stack(images, len(kept.rows)),
        labels=labels,
        split=np.array(kept.split, SPLIT_DTYPE),
        rows=np.array(kept.rows, np.int64),
        class_names=class_names,
        source=str(path),
        skipped=tuple(sorted(bad.found, key=lambda bad_row: bad_row.row)),
    )
    return dataset if columns.usage is not None else hold_out(dataset, ("val", "test"))


def _stack(blocks: list[NDArray[np.uint8]], num_rows: int) -> NDArray[np.uint8]:
    """Join the blocks, freeing each one after copying it, so that the peak memory stays near one copy."""
    images = np.empty((num_rows, NUM_PIXELS), np.uint8)
    start = 0
    blocks.reverse()
    while blocks:
        block = blocks.pop()
        images[start : start + len(block)] = block
        start += len(block)
    return images.reshape(num_rows, *IMAGE_SHAPE)


def _lines(
    stream: IO[bytes], path: Path, raw: IO[bytes], on_bytes: Callable[[int], None] | None
) -> Iterator[tuple[int, bytes]]:
    """Yield the line number, from 1, and the content of each line that is not blank."""
    buffered = io.BufferedReader(cast("io.RawIOBase", stream), 1 << 20)
    try:
        yield from _numbered(cast("IO[bytes]", buffered), path, raw, on_bytes)
    finally:
        # Whoever opened the file closes it, and may have done so already.
        with contextlib.suppress(ValueError):
            buffered.detach()


def _numbered(
    buffered: IO[bytes], path: Path, raw: IO[bytes], on_bytes: Callable[[int], None] | None
) -> Iterator[tuple[int, bytes]]:
    number = blank = 0
    while line := buffered.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise MoueError(
                f"{path} line {number} is longer than {MAX_LINE:,} bytes", "rows of 2,304 pixels", "Is it a CSV file?"
            )
        if number == 1:
            line = line.removeprefix(_BOM)
        if on_bytes is not None and number % 256 == 0:
            on_bytes(raw.tell())
        text = line.rstrip(b"\r\n")
        if text.strip():
            blank = 0
            yield number, text
            continue
        blank += 1
        if blank > _MAX_BLANK_LINES:
            raise MoueError(f"{path} has {blank:,} blank lines before line {number}", "rows of label and pixels")


def _read_header(path: Path, header: bytes) -> _Columns:
    if not header:
        raise MoueError(f"{path} is empty", "a table with the columns emotion, pixels and Usage")
    separator = max((b",", b";", b"\t"), key=header.count)
    names = [name.strip(b" \t\"'").lower().decode("utf-8", "replace") for name in header.split(separator)]
    label = next((name for name in LABEL_HEADINGS if name in names), "emotion")
    missing = [name for name in (label, "pixels") if name not in names]
    if missing:
        _refuse_binary(path, header)
        shown = header[:60].decode("utf-8", "replace")
        fix = "Kaggle's test.csv has no labels; use fer2013.csv or icml_face_data.csv." if names == ["pixels"] else ""
        raise MoueError(
            f"{path} has no column {' and no column '.join(missing)}; its first line is {shown!r}",
            "a comma-separated table with the columns emotion, pixels and Usage",
            fix or "Is this fer2013.csv? `moue data get` tells you where to get it.",
        )
    usages = [name for name in names if name in _USAGE_HEADINGS]
    if names.count(label) > 1 or names.count("pixels") > 1 or len(usages) > 1:
        raise MoueError(
            f"{path} has several columns of one meaning: {', '.join(names)}",
            "emotion, pixels and Usage once each",
            "Leave out or rename the others.",
        )
    usage = names.index(usages[0]) if usages else None
    return _Columns(names.index(label), names.index("pixels"), usage, len(names), separator)


def _refuse_binary(path: Path, header: bytes) -> None:
    """Raise `MoueError` if a file that should be a table is binary, such as an image."""
    with contextlib.suppress(UnicodeDecodeError):
        if "\0" not in header.decode("utf-8"):
            return
    raise MoueError(
        f"{path} is not a text file",
        "a table such as fer2013.csv, or a folder of images",
        "To use images, put those of each class in a folder with its name.",
    )


def _blocks(
    lines: Iterable[tuple[int, bytes]], columns: _Columns, column: LabelColumn, bad: _BadRows
) -> Iterator[_Block]:
    block = _Block()
    for row, (number, line) in enumerate(lines):
        parsed = _parse_line(line, columns, column)
        if isinstance(parsed, str):
            bad.add(row, number, parsed)
            continue
        label, split, text = parsed
        block.rows.append(row)
        block.lines.append(number)
        block.labels.append(label)
        block.split.append(split)
        block.texts.append(text)
        if len(block.rows) == _ROWS_AT_ONCE:
            yield block
            block = _Block()
    if block.rows:
        yield block


def _parse_line(line: bytes, columns: _Columns, column: LabelColumn) -> tuple[int, str, bytes] | str:
    """Return label, split and pixel text of a line, or what is wrong with it."""
    fields = line.split(columns.separator)
    if len(fields) == columns.num_columns and column.is_published:
        label = fields[columns.label]
        split = "train" if columns.usage is None else _PUBLISHED.get(fields[columns.usage])
        if len(label) == 1 and label.isdigit() and label[0] - 48 <= _LAST_LABEL and split is not None:
            text = fields[columns.pixels]
            if text[:1].isdigit():
                column.numbered = True
                return label[0] - 48, split, text
    return _parse_leniently(line, columns, column)


def _parse_leniently(line: bytes, columns: _Columns, column: LabelColumn) -> tuple[int, str, bytes] | str:
    text = line.decode("utf-8", "replace")
    try:
        (fields,) = csv.reader([text], delimiter=columns.separator.decode(), skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        return f"quotes that do not belong together ({error})"
    if len(fields) != columns.num_columns:
        return f"{len(fields)} columns, expected {columns.num_columns} as in the header; was the file cut short?"
    label = column.number(_WHOLE_FLOAT.sub("", fields[columns.label].strip(" \t\"'")))
    if isinstance(label, str):
        return label
    split = "train"
    if columns.usage is not None:
        usage = fields[columns.usage].strip(" \t\"'")
        found = split_of(usage)
        if found is None:
            return f"Usage is {usage[:20]!r}, expected Training, PublicTest or PrivateTest"
        split = found
    pixels = fields[columns.pixels].strip(" \t\"'").removeprefix("[").removesuffix("]")
    pixels = _WHOLE_FLOAT.sub("", " ".join(pixels.replace(",", " ").split()))
    return label, split, pixels.encode()


_PUBLISHED: Final[dict[bytes, str]] = {usage.encode(): split for split, usage in USAGE_NAMES.items()}

READER: Final = Reader(
    name="table",
    reads="a table with the columns emotion, pixels and Usage (.csv, also packed as gz, bz2, xz, zip or tar)",
    order=100,  # tried last: any file may be a table, and this reader has the best error messages for it
    recognises=lambda path: not path.is_dir(),
    read=read_table,
    cached=True,
)
