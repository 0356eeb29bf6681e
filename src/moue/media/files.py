"""Files on disk before they are read: their first bytes, and what systems leave behind."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

CUT_MARK: Final = ".cut_by_moue"
"""A file in a folder of faces that moue cut out: it says that moue may replace the folder."""


def is_litter(name: str) -> bool:
    """Return whether a path within a folder or archive is what systems leave behind, or hidden."""
    parts = Path(name).parts
    named = {".ds_store", "thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information"}
    return any(part.lower() in named or (part.startswith(".") and part not in (".", "..")) for part in parts)


def is_own_mark(name: str) -> bool:
    """Return whether a path within a folder is moue's own mark, of which nobody has to be told."""
    return Path(name).name == CUT_MARK


def head_of(path: Path, size: int = 512) -> bytes:
    """Return the first bytes of a regular file; nothing if it is missing or cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return b""
