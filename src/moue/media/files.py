"""Files on disk before they are read: their first bytes, and which are system files."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

CUT_MARK: Final = ".cut_by_moue"
"""A file in a folder of faces that moue cropped; it marks a folder that moue may replace."""


def is_litter(name: str) -> bool:
    """Return whether a path within a folder or archive is hidden or a system file."""
    parts = Path(name).parts
    named = {".ds_store", "thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information"}
    return any(part.lower() in named or (part.startswith(".") and part not in (".", "..")) for part in parts)


def is_own_mark(name: str) -> bool:
    """Return whether a path within a folder is moue's own mark, which is not reported."""
    return Path(name).name == CUT_MARK


def head_of(path: Path, size: int = 512) -> bytes:
    """Return the first bytes of a regular file; no bytes if it is missing or cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return b""
