"""A slow, independent reader of tables like fer2013.csv, to check moue's reader against."""

from __future__ import annotations

import csv
import gzip
import io
import re
import tarfile
import zipfile
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from moue.data.dataset import Dataset

_SPLITS: Final = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
_PIXEL: Final = re.compile(r"\d{1,3}", re.ASCII)
_NUM_PIXELS: Final = 48 * 48


def unpack(content: bytes, kind: str) -> bytes:
    """Return the table in an archive, with all checksums verified; errors are those of the standard library."""
    if kind == "csv.gz":
        return gzip.decompress(content)
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(next(name for name in archive.namelist() if name.lower().endswith(".csv")))
    if kind == "tar.gz":
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as tar:
            member = next(entry for entry in tar if entry.isfile() and entry.name.lower().endswith(".csv"))
            file = tar.extractfile(member)
            return b"" if file is None else file.read()
    return content


def difference(dataset: Dataset, table: bytes) -> str:
    """Return how moue's reading of a table differs from the strict one, or an empty string.

    This reader must accept every row that moue returns, with the same label, split and pixels; every other row must be
    in `Dataset.skipped`.
    """
    header, *lines = [line for line in table.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    (names,) = csv.reader([header.decode("latin-1").strip()])
    columns = {name.strip(" \"'").lower(): number for number, name in reversed(list(enumerate(names)))}
    given = {int(row): position for position, row in enumerate(dataset.rows)}
    left_out = {bad.row for bad in dataset.skipped}
    if len(given) + len(left_out) != len(lines) or given.keys() & left_out:
        return f"{len(given)} rows and {len(left_out)} left out of {len(lines)}"
    for number, position in given.items():
        row = _read(lines[number], columns, len(names))
        if row is None:
            return f"row {number} was taken: {lines[number][:40]!r}"
        label, split, pixels = row
        if label != dataset.labels[position] or split not in (str(dataset.split[position]), ""):
            return f"row {number} is {label} {split}, not {dataset.labels[position]} {dataset.split[position]}"
        if not np.array_equal(pixels, dataset.images[position].ravel()):
            return f"row {number} has other pixels"
    return ""


def _read(line: bytes, columns: dict[str, int], count: int) -> tuple[int, str, list[int]] | None:
    """Return label, split and pixels of a row; None unless in the published format, except for quotes and blanks."""
    try:
        (fields,) = csv.reader([line.decode("latin-1").rstrip("\r")], strict=True, skipinitialspace=True)
    except (csv.Error, ValueError):
        return None
    if len(fields) != count:
        return None
    label = fields[columns["emotion"]].strip(" \t\"'")
    split = _SPLITS.get(fields[columns["usage"]].strip(" \t\"'")) if "usage" in columns else ""
    words = fields[columns["pixels"]].strip(" \t\"'").removeprefix("[").removesuffix("]").replace(",", " ").split()
    if split is None or label not in set("0123456") or len(words) != _NUM_PIXELS:
        return None
    if not all(_PIXEL.fullmatch(word) and int(word) <= 255 for word in words):
        return None
    return int(label), split, [int(word) for word in words]
