"""Where the built page is, and a copy of it for any web host."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from moue.errors import MoueError
from moue.files import cannot_write, locked, refuse_existing

_BUILT: Final = Path(__file__).parent / "static"
_INDEX: Final = "index.html"
_MARK: Final = "moue-page.json"  # only a page of moue holds it


def folder() -> Path | None:
    """Return the folder of the built page, or None where it was not built.

    A wheel holds it. In a clone of the repository ``make page`` builds it, which needs Node.
    """
    return _BUILT if (_BUILT / _INDEX).is_file() else None


def copy(out: str | Path, *, overwrite: bool = False) -> Path:
    """Copy the built page to a new folder, which any web host can serve as it is.

    Args:
        out: The folder to write.
        overwrite: Replace an existing folder, if it is empty or holds an earlier page.

    Returns:
        `out`.

    Raises:
        MoueError: the page was not built; `out` exists and `overwrite` is false, or holds something else; or it
            cannot be written.
    """
    built, target = folder(), Path(out)
    if built is None:
        raise MoueError(
            "this copy of moue has no built page", "the page's files in the package", "In a clone: make page."
        )
    refuse_existing(target, overwrite=overwrite)
    _refuse_other(target)
    with locked(target):
        try:
            _replace(built, target)
        except OSError as error:
            raise cannot_write(target, error) from error
    return target


def _refuse_other(target: Path) -> None:
    """Refuse to replace what is no page: a folder of somebody's own files would be lost."""
    if os.path.lexists(target) and not _may_go(target):
        raise MoueError(f"{target} is no page of moue", "a new name, an empty folder or an earlier page")


def _may_go(target: Path) -> bool:
    if target.is_symlink() or not target.is_dir():
        return False
    return (target / _MARK).is_file() or not any(target.iterdir())


def _replace(built: Path, target: Path) -> None:
    """Copy beside the target first, so that a half-written page never has its name."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}-", dir=target.parent) as work:
        new, old = Path(work) / "new", Path(work) / "old"
        shutil.copytree(built, new)
        if target.exists():
            target.replace(old)
        new.replace(target)
