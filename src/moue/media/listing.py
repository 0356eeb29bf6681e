"""Which files a run is about: pictures named one by one, and those in folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.media.urls import is_address, path_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COMMON: Final = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff")
_RARE: Final = (".ppm", ".pgm", ".pbm", ".pnm", ".mpo", ".avif", ".heic", ".heif")
SUFFIXES: Final = frozenset({*_COMMON, *_RARE})
"""What counts as a picture in a folder. HEIC is not opened, but a row says so."""

VIDEO_SUFFIXES: Final = frozenset({
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".3g2", ".ogv", ".vob"),
})  # fmt: skip
"""What counts as a video, in a folder and where it is named. `.ts` is more often a program."""


def is_video(path: str | Path) -> bool:
    """Return whether the name of a file, or the path of an address, is that of a video."""
    return Path(path_in(path) if is_address(path) else path).suffix.lower() in VIDEO_SUFFIXES


def list_pictures(
    paths: Iterable[str | Path], *, recursive: bool = False, videos: bool = False
) -> Iterator[Path | str]:
    """Yield the given files and addresses as they are, and in place of each folder its pictures in order of names.

    Hidden files and folders are left out, and links to folders are not followed.

    Args:
        paths: Files and folders; text that begins as an address does is one.
        recursive: Also look into the folders of a folder.
        videos: Also the videos in folders.
    """
    suffixes = SUFFIXES | VIDEO_SUFFIXES if videos else SUFFIXES
    for path in paths:
        if is_address(path):
            yield path
        elif Path(path).is_dir():
            yield from _in_folder(Path(path), suffixes, recursive=recursive)
        else:
            yield Path(path)


def _in_folder(folder: Path, suffixes: frozenset[str], *, recursive: bool) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield Path(place) / name
