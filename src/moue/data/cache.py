"""A cache of parsed tables: 83 MB of bytes instead of 301 MB of text for FER2013.

It is in the user's cache folder, or in `MOUE_CACHE`. An entry holds the fingerprint of the file that it was made from
and is used only while the file still has this fingerprint. If the cache fails, the file is read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import zlib
from stat import S_ISREG
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from moue.data.dataset import Dataset
from moue.files import cache_folder, replacing, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Increase the number whenever the reader's result for a file changes.
_FORMAT: Final = "moue-cache-3"
_ARRAYS: Final = ("images", "labels", "split", "rows")
# Up to this size, the content itself is hashed (15 ms); above it, the file's times and inode are used.
_HASHED_BYTES: Final = 16 << 20
# File times have a resolution of some milliseconds: a file that changed just now could change again without a new
# time, so it is not stored (git calls this "racily clean").
_RACY_SECONDS: Final = 0.5


def fingerprint(path: Path) -> dict[str, Any] | None:
    """Return values that identify the current content of a file, or None if that is not reliably possible."""
    try:
        stat = path.stat()
        if not S_ISREG(stat.st_mode):  # reading would consume a pipe, and a device may never end
            return None
        content = sha256_of(path) if stat.st_size <= _HASHED_BYTES else ""
    except OSError:
        return None
    if not content and time.time() - max(stat.st_ctime, stat.st_mtime) < _RACY_SECONDS:
        return None
    result: dict[str, Any] = {"format": _FORMAT, "size": stat.st_size, "sha256": content}
    if not content:
        # ctime changes with every write and cannot be set back by a program, unlike mtime.
        result |= {"inode": stat.st_ino, "mtime_ns": stat.st_mtime_ns, "ctime_ns": stat.st_ctime_ns}
    return result


def load(path: Path) -> Dataset | None:
    """Return the data set that was read from the current content of `path` before, or None."""
    try:
        with _entry(path).open("rb") as file:
            stored = json.loads(_read(file).tobytes())
            if stored["fingerprint"] != fingerprint(path):
                return None
            images, labels, split, rows = arrays = [_read(file) for _ in _ARRAYS]
        if stored["content"] != _content(arrays):
            return None
        names = tuple(stored["class_names"])
        rule = stored["split_rule"]
        dataset = Dataset(images, labels, split, rows, class_names=names, source=str(path), split_rule=rule)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    # Hashing 83 MB is the slowest part of loading, so the stored checksum is used; `_content` has checked the arrays.
    dataset.__dict__["checksum"] = stored["checksum"]
    return dataset


def store(path: Path, dataset: Dataset, before: dict[str, Any] | None) -> None:
    """Store `dataset` for the next time that `path` is read; does nothing if that is impossible.

    Args:
        path: The file that was read.
        dataset: Its content.
        before: The file's fingerprint before it was read; if the file changed meanwhile, it is not stored.
    """
    if before is None or before != fingerprint(path):
        return
    about: dict[str, Any] = {"fingerprint": before, "checksum": dataset.checksum}
    about |= {"class_names": dataset.class_names, "split_rule": dataset.split_rule}
    about["content"] = _content([getattr(dataset, name) for name in _ARRAYS])
    with contextlib.suppress(OSError, ValueError), replacing(_entry(path)) as temporary, temporary.open("wb") as file:
        np.save(file, np.frombuffer(json.dumps(about).encode(), np.uint8))
        for name in _ARRAYS:
            np.save(file, getattr(dataset, name))


def _entry(path: Path) -> Path:
    # One entry per path, so that an edited file replaces its old entry.
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / f"{name}.npys"


def _content(arrays: list[NDArray[Any]]) -> list[int]:
    """Return a fast checksum of each array, so that a damaged entry is not used."""
    return [zlib.adler32(np.ascontiguousarray(array).view(np.uint8).data) for array in arrays]


def _read(file: IO[bytes]) -> NDArray[Any]:
    array: NDArray[Any] = np.load(file, allow_pickle=False)
    return array
