"""From the user's inputs to the files of a run."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError
from moue.media.listing import LeftOut, find_images
from moue.media.urls import is_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from moue.predict.listener import Listener

_MAX_NAMED: Final = 3  # files that a note names


def collect(inputs: Iterable[str | Path], *, recursive: bool, listener: Listener) -> list[str | Path]:
    """Return the files and addresses of a run, and note which files of folders were left out.

    Args:
        inputs: Files, folders, addresses, and patterns such as ``*.jpg``, which some shells do not expand.
        recursive: Also search subfolders.
        listener: Receives the notes.
    """
    left_out = LeftOut()
    expanded = (path for one in inputs for path in _expand(one))
    found: list[str | Path] = []
    for one in expanded:
        inside = list(find_images([one], recursive=recursive, videos=True, left_out=left_out))
        if not inside:
            listener.failed(str(one), "contains no images or videos")
        found += inside
    _note(listener, "skipped, not images or videos", left_out.others)
    _note(listener, "folders not searched (add --recursive)", left_out.folders)
    _note(listener, "ignored, hidden or system files", left_out.litter)
    return found


def _expand(one: str | Path) -> list[str | Path]:
    """Return the files that match a pattern; other inputs, and patterns that match no file, are returned unchanged."""
    if not str(one):
        raise MoueError("an input has an empty name", "a file, a folder or a URL")
    if is_address(one) or os.path.lexists(one) or not glob.has_magic(str(one)):
        return [one]
    return [*sorted(glob.glob(str(one), recursive=True))] or [one]  # noqa: PTH207 (names stay as they were typed)


def _note(listener: Listener, what: str, paths: Sequence[Path]) -> None:
    if paths:
        names = ", ".join(path.name for path in paths[:_MAX_NAMED]) + (", …" if len(paths) > _MAX_NAMED else "")
        listener.note(f"{what}: {len(paths):,} ({names})")
