"""Free disk and the cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.doctor.findings import Finding, Level
from moue.files import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient

_MIN_FREE: Final = 500_000_000


def check(_patient: Patient) -> Iterator[Finding]:
    """Check the disk and the cache."""
    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0
    free = {str(path): shutil.disk_usage(path).free for path in (Path.cwd(), there)}
    values = {"free": free, "cache": str(folder), "cache_bytes": size}
    if not there.is_dir() or not os.access(there, os.W_OK):
        fix = "Set MOUE_CACHE to a folder that you may write to."
        yield Finding("cache", Level.NOTE, f"{folder} cannot be written to: data is read again each time", fix, values)
    else:
        yield Finding("cache", Level.OK, f"{_bytes(size)} in {folder}", values=values)
    least = min(free.values())
    level = Level.OK if least >= _MIN_FREE else Level.NOTE
    fix = "" if level is Level.OK else "Training and videos need more: free some space."
    yield Finding("disk", level, f"{_bytes(least)} free", fix, values)


def _bytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
