"""Writing a data set in the format of `fer2013.csv`."""

from __future__ import annotations

import gzip
from typing import IO, TYPE_CHECKING, Final, cast

from moue.data.splits import USAGE_NAMES
from moue.errors import MoueError, SettingError
from moue.files import replacing
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from moue.data.dataset import Dataset

_SEPARATORS: Final = ",;\t\r\n\"'"
_HEADER: Final = b"emotion,pixels,Usage\n"
_WORDS: Final = tuple(str(value).encode() for value in range(256))


def write_csv(dataset: Dataset, path: Path, *, overwrite: bool = False) -> None:
    """Write faces, labels and splits like `fer2013.csv`: columns `emotion,pixels,Usage`, rows in order.

    `load_fer2013` reads the file back with the same checksum. Classes that are not exactly FER2013's are written by
    name. FER+ votes are not part of the format and are left out.

    Args:
        dataset: The faces.
        path: A name ending in `.csv` or `.csv.gz`; the latter is compressed, and equal data gives equal bytes.
        overwrite: Replace an existing file.

    Raises:
        MoueError: the name has another ending, a class name is a number or contains a separator, the file exists and
            `overwrite` is false, or it cannot be written.
    """
    refuse_ending(path)
    for class_name in dataset.class_names:
        if class_name.isdigit() or set(class_name) & set(_SEPARATORS):
            raise MoueError(f"class {class_name!r}", "a name without separators and quotes", "Rename the class.")
    with replacing(path, overwrite=overwrite) as temporary, temporary.open("wb") as raw:
        if path.suffix.lower() == ".gz":
            # No name or time, so that equal data gives equal bytes. A low level is almost as small and much faster.
            with gzip.GzipFile("", "wb", compresslevel=3, fileobj=raw, mtime=0) as packed:
                _write_rows(dataset, cast("IO[bytes]", packed))
        else:
            _write_rows(dataset, raw)


def refuse_ending(path: Path) -> None:
    """Check that a table may have this name.

    Raises:
        SettingError: it does not end in .csv or .csv.gz.
    """
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        raise SettingError(
            f"{path} ends in {path.suffix!r}", "a name ending in .csv or .csv.gz", "Choose another name."
        )


def _write_rows(dataset: Dataset, file: IO[bytes]) -> None:
    file.write(_HEADER)
    word = _WORDS.__getitem__
    published = dataset.class_names == CLASS_NAMES
    labels = [(str(k) if published else name).encode() for k, name in enumerate(dataset.class_names)]
    usages = {split: usage.encode() for split, usage in USAGE_NAMES.items()}
    for image, label, split in zip(dataset.images, dataset.labels.tolist(), dataset.split.tolist(), strict=True):
        # The bytes of an image are its pixels as numbers.
        file.write(b"%b,%b,%b\n" % (labels[label], b" ".join(map(word, image.tobytes())), usages[split]))
