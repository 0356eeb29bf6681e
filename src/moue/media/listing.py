"""The files of a run: images and videos named one by one, and those in folders."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.media.files import head_of, is_litter, is_own_mark
from moue.media.urls import is_address, path_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COMMON: Final = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff")
_RARE: Final = (".ppm", ".pgm", ".pbm", ".pnm", ".mpo", ".avif", ".heic", ".heif")
SUFFIXES: Final = frozenset({*_COMMON, *_RARE})
"""Suffixes of images in a folder. HEIC may not be readable; then a row says so."""

VIDEO_SUFFIXES: Final = frozenset({
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".3g2", ".ogv", ".vob"),
})  # fmt: skip
"""Suffixes of videos, in a folder or named. `.ts` is left out: it is more often a program."""


_IMAGE_HEADS: Final = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*"),
    *(b"8BPS", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\xff\x0a"),
)
_IMAGE_BRANDS: Final = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


def is_video(path: str | Path) -> bool:
    """Return whether a file, or the path of an address, is a video, by its suffix or otherwise by its first bytes."""
    suffix = Path(path_in(path) if is_address(path) else path).suffix.lower()
    if suffix in VIDEO_SUFFIXES or suffix in SUFFIXES or is_address(path):
        return suffix in VIDEO_SUFFIXES
    return _kind(Path(path)) == "video"


def _kind(path: Path) -> str:
    """Return "image", "video" or an empty string, by the first bytes of a file."""
    head = head_of(path)
    if head.startswith(_IMAGE_HEADS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "image"
    if head[4:8] == b"ftyp":
        return "image" if head[8:12] in _IMAGE_BRANDS else "video"
    stream = head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G"  # an MPEG transport stream
    begins = (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\0\0\x01\xba")
    return "video" if stream or head.startswith(begins) or head[8:12] == b"AVI " else ""


@dataclasses.dataclass
class LeftOut:
    """What folders hold besides images and videos.

    Attributes:
        others: Files that are neither, by name and by content.
        folders: Folders that were not searched.
        litter: Hidden files and folders, and system files.
    """

    others: list[Path] = dataclasses.field(default_factory=list)
    folders: list[Path] = dataclasses.field(default_factory=list)
    litter: list[Path] = dataclasses.field(default_factory=list)


def find_images(
    paths: Iterable[str | Path],
    *,
    recursive: bool = False,
    videos: bool = False,
    left_out: LeftOut | None = None,
) -> Iterator[Path | str]:
    """Yield the given files and addresses unchanged, and for each folder its images, sorted by name.

    A file with an unknown suffix is judged by its first bytes. Hidden files and folders, and system files, are left
    out; links to folders are not followed.

    Args:
        paths: Files, folders and addresses (text such as ``https://…``).
        recursive: Also search subfolders.
        videos: Also yield the videos in folders.
        left_out: Collects what was left out of folders.
    """
    left_out = LeftOut() if left_out is None else left_out
    suffixes = SUFFIXES | VIDEO_SUFFIXES if videos else SUFFIXES
    for path in paths:
        if is_address(path):
            yield path
        elif os.path.isdir(path):  # noqa: PTH112 (a name that is too long is not a folder, and no error)
            yield from _in_folder(Path(path), suffixes, left_out, recursive=recursive)
        else:
            yield Path(path)


def _in_folder(folder: Path, suffixes: frozenset[str], left_out: LeftOut, *, recursive: bool) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        litter = sorted(name for name in (*folders, *files) if is_litter(name))
        left_out.litter += [Path(place) / name for name in litter if not is_own_mark(name)]
        inner = sorted(set(folders) - set(litter))
        if not recursive:
            left_out.folders += [Path(place) / name for name in inner]
        folders[:] = inner if recursive else []
        for name in sorted(set(files) - set(litter)):
            path = Path(place) / name
            suffix = path.suffix.lower()
            kind = "" if suffix in SUFFIXES | VIDEO_SUFFIXES else _kind(path)
            if suffix in suffixes or kind == "image" or (kind == "video" and suffixes >= VIDEO_SUFFIXES):
                yield path
            else:
                left_out.others.append(path)
