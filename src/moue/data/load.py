"""Reading `fer2013.csv` in every shape in which it is passed around."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from moue.data import cache
from moue.data.dataset import IMAGE_SHAPE, SPLIT_DTYPE, BadRow, Dataset, Split
from moue.data.readers import folder
from moue.data.readers.pixels import NUM_PIXELS, parse_rows
from moue.data.readers.table import open_table
from moue.data.splits import HOLDOUT_RULE, split_by_digest
from moue.errors import MoueError
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

OnBadRow = Literal["raise", "skip"]

USAGES: Final[dict[str, Split]] = {"training": "train", "publictest": "val", "privatetest": "test"}
_ROWS_AT_ONCE: Final = 1024
_LAST_LABEL: Final = len(CLASS_NAMES) - 1


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Where the columns stand, from the header."""

    emotion: int
    pixels: int
    usage: int | None
    num_columns: int


@dataclasses.dataclass
class _Block:
    """Some rows with their pixels still as text."""

    rows: list[int] = dataclasses.field(default_factory=list)
    labels: list[int] = dataclasses.field(default_factory=list)
    split: list[str] = dataclasses.field(default_factory=list)
    texts: list[bytes] = dataclasses.field(default_factory=list)


def load_fer2013(
    path: str | Path,
    *,
    ferplus: str | Path | None = None,
    on_bad_row: OnBadRow = "raise",
    use_cache: bool = True,
    on_bytes: Callable[[int], None] | None = None,
) -> Dataset:
    """Read FER2013 (Goodfellow et al. 2013, arXiv:1307.0414) from a table or from folders of images.

    A table has the columns `emotion` (0-6), `pixels` (2,304 numbers in 0-255) and mostly `Usage` (Training,
    PublicTest, PrivateTest), in any order; other columns are ignored. Without `Usage` (Kaggle's `train.csv`), a
    tenth of the pictures each becomes val and test, chosen by a hash of the pixels. The first reading of a table
    leaves a cache behind; see `moue.data.cache`.

    Args:
        path: `.csv`, `.csv.gz`, a `.zip` or `.tar.gz` holding one, or a folder as `moue.data.readers.folder` describes.
        ferplus: `fer2013new.csv` with the FER+ votes, joined by row order.
        on_bad_row: "raise" stops at the first wrong row; "skip" leaves such rows out and lists them in
            `Dataset.skipped`.
        use_cache: Read from and write to the cache.
        on_bytes: Called now and then with the number of bytes read of the file on disk, for a progress bar.

    Returns:
        The faces in row order, images uint8 (N, 48, 48, 1).

    Raises:
        MoueError: the file is missing, empty, not such a table, or holds a wrong row; the message names the row.
    """
    if on_bad_row not in ("raise", "skip"):
        raise MoueError(f"on_bad_row={on_bad_row!r}", '"raise" or "skip"')
    path = Path(path)
    if path.is_dir():
        dataset = folder.load_folder(path, on_bad_row=on_bad_row)
    else:
        stored = cache.load(path) if use_cache else None
        dataset = stored if stored is not None else _load_table(path, on_bad_row, on_bytes, use_cache=use_cache)
    if ferplus is not None:
        from moue.data.ferplus import join_votes  # noqa: PLC0415 (most callers have no votes)

        dataset = join_votes(dataset, ferplus)
    return dataset


def _load_table(
    path: Path, on_bad_row: OnBadRow, on_bytes: Callable[[int], None] | None, *, use_cache: bool
) -> Dataset:
    before = cache.fingerprint(path)
    dataset = read_table(path, on_bad_row=on_bad_row, on_bytes=on_bytes)
    # A data set with rows left out is not stored: another reading of the file must be told of them again.
    if use_cache and not dataset.skipped:
        cache.store(path, dataset, before)
    return dataset


def read_table(path: Path, *, on_bad_row: OnBadRow = "raise", on_bytes: Callable[[int], None] | None = None) -> Dataset:
    """Read a FER2013 table without any cache; see `load_fer2013`."""
    skipped: list[BadRow] = []

    def refuse(row: int, reason: str) -> None:
        if on_bad_row == "raise":
            raise MoueError(
                f"{path}: data row {row} (line {row + 2}): {reason}",
                fix='Mend the row, or leave such rows out with on_bad_row="skip" (--on-bad-row skip).',
            )
        skipped.append(BadRow(row, reason))

    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    split: list[str] = []
    rows: list[int] = []
    with open_table(path, on_bytes) as lines:
        columns = _read_header(path, lines)
        for block in _blocks(lines, columns, refuse):
            pixels, reasons = parse_rows(block.texts)
            for position, reason in reasons.items():
                refuse(block.rows[position], reason)
            good = [position for position in range(len(block.rows)) if position not in reasons]
            images.append(pixels[good] if reasons else pixels)
            labels += [block.labels[position] for position in good]
            split += [block.split[position] for position in good]
            rows += [block.rows[position] for position in good]
    if not rows:
        raise MoueError(f"{path} has a header but no readable rows", "rows of label and pixels")
    dataset = Dataset(
        images=_stack(images, len(rows)),
        labels=np.array(labels, np.uint8),
        split=np.array(split, SPLIT_DTYPE),
        rows=np.array(rows, np.int64),
        source=str(path),
        skipped=tuple(sorted(skipped, key=lambda bad: bad.row)),
    )
    if columns.usage is None:
        dataset = dataclasses.replace(
            dataset, split=split_by_digest(dataset, ("train", "val", "test")), split_rule=HOLDOUT_RULE
        )
    return dataset


def _stack(blocks: list[NDArray[np.uint8]], num_rows: int) -> NDArray[np.uint8]:
    """Join the blocks, giving each one's memory back as it is copied, so that the peak stays near one copy."""
    images = np.empty((num_rows, NUM_PIXELS), np.uint8)
    start = 0
    blocks.reverse()
    while blocks:
        block = blocks.pop()
        images[start : start + len(block)] = block
        start += len(block)
    return images.reshape(num_rows, *IMAGE_SHAPE)


def _read_header(path: Path, lines: Iterator[bytes]) -> _Columns:
    header = next(lines, b"")
    if not header.strip():
        raise MoueError(f"{path} is empty", "a table with the columns emotion, pixels and Usage")
    names = [name.strip(b" \t\"'").lower().decode("utf-8", "replace") for name in header.split(b",")]
    missing = [name for name in ("emotion", "pixels") if name not in names]
    if missing:
        shown = header[:60].decode("utf-8", "replace")
        fix = "Kaggle's test.csv has no labels; use fer2013.csv or icml_face_data.csv." if names == ["pixels"] else ""
        raise MoueError(
            f"{path} has no column {' and no column '.join(missing)}; its first line is {shown!r}",
            "a comma-separated table with the columns emotion, pixels and Usage",
            fix or "Is this fer2013.csv? `moue data get` says where it is to be had.",
        )
    usage = names.index("usage") if "usage" in names else None
    return _Columns(names.index("emotion"), names.index("pixels"), usage, len(names))


def _blocks(lines: Iterable[bytes], columns: _Columns, refuse: Callable[[int, str], None]) -> Iterator[_Block]:
    block = _Block()
    for row, line in enumerate(lines):
        if not line.strip():
            continue
        parsed = _parse_line(line, columns)
        if isinstance(parsed, str):
            refuse(row, parsed)
            continue
        label, split, text = parsed
        block.rows.append(row)
        block.labels.append(label)
        block.split.append(split)
        block.texts.append(text)
        if len(block.rows) == _ROWS_AT_ONCE:
            yield block
            block = _Block()
    if block.rows:
        yield block


def _parse_line(line: bytes, columns: _Columns) -> tuple[int, str, bytes] | str:
    """Return label, split and pixel text of a line, or what is wrong with it."""
    fields = line.split(b",")
    if len(fields) != columns.num_columns:
        return f"{len(fields)} columns, expected {columns.num_columns} as in the header; was the file cut short?"
    label = fields[columns.emotion].strip(b' \t"')
    if not label.isdigit() or len(label) > 3 or int(label) > _LAST_LABEL:
        return f"emotion is {_shown(label)}, expected 0-{_LAST_LABEL} ({', '.join(CLASS_NAMES)})"
    split = "train"
    if columns.usage is not None:
        usage = fields[columns.usage].strip(b' \t"')
        found = USAGES.get(usage.decode("utf-8", "replace").lower())
        if found is None:
            return f"Usage is {_shown(usage)}, expected Training, PublicTest or PrivateTest"
        split = found
    return int(label), split, fields[columns.pixels].strip(b' \t"')


def _shown(text: bytes) -> str:
    return repr(text[:20].decode("utf-8", "replace"))
