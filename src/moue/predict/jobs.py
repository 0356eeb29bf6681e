"""Where a run saves the drawing of each image and video: each name is unique and differs from every input."""

from __future__ import annotations

import dataclasses
import functools
import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from moue.errors import MoueError, SettingError
from moue.media.animation import is_animation
from moue.media.listing import SUFFIXES as IMAGE_SUFFIXES
from moue.media.listing import VIDEO_SUFFIXES, is_video
from moue.media.urls import is_address, shown, stem_of
from moue.output.encoders import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclasses.dataclass(frozen=True)
class Job:
    """One image or video of the run, as often as it is named.

    Attributes:
        source: Its path or address.
        drawing: The image or video file to draw it in; None if no drawing is wanted.
    """

    source: Path | str
    drawing: Path | None = None

    @functools.cached_property
    def is_video(self) -> bool:
        """Whether it is a video or an animation."""
        return _is_moving(self.source)


def drawing_jobs(sources: Sequence[Path | str], folder: Path | None) -> list[Job]:
    """Return one job for each source, in order, with the file in `folder` for its drawing.

    If several sources share a name, the later ones get numbers. Names that differ only in case count as the same,
    since they are the same file on Windows and macOS. The names depend on all sources, so a resumed run must be given
    all of them again.

    Args:
        sources: All images and videos of the run, paths and addresses.
        folder: The folder for drawings, or the video file for the only video; None if no drawings are wanted.

    Raises:
        MoueError: `folder` names another kind of file, or a video file although there are several sources; or a
            drawing, or a video's timeline, would replace one of the sources.
    """
    if folder is None:
        return [Job(source) for source in sources]
    if _is_file(folder):
        _check_video_file(folder, sources)
        jobs = [Job(sources[0], folder)]
    else:
        jobs = [Job(source, folder / name) for source, name in zip(sources, _names(sources), strict=True)]
    inputs = {_identity(source) for source in sources if not is_address(source)} - {None}
    for job in jobs:
        for target in (job.drawing, timeline_of(job.drawing) if job.drawing and job.is_video else None):
            if target is not None and _identity(target) in inputs:
                raise MoueError(
                    f"{target} is one of the files to be read",
                    "another folder for the annotated files",
                    "Change --annotate.",
                )
    return jobs


def timeline_of(drawing: Path) -> Path:
    """Return the file of a video's timeline, beside the annotated video."""
    return drawing.with_name(f"{drawing.stem}-timeline.png")


def _is_file(path: Path) -> bool:
    """Return whether a name is meant for an image or video file, not for a folder."""
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and not path.is_dir()


def _check_video_file(path: Path, sources: Sequence[Path | str]) -> None:
    """Raise `SettingError` unless `path` can be the annotated video of the only source."""
    if path.suffix.lower() not in SUFFIXES:
        expected = f"a folder, or for one video a name that ends in {', '.join(SUFFIXES)}"
        raise SettingError(f"annotated files cannot be written to {path}", expected, "Name a folder.")
    if len(sources) != 1:
        raise SettingError(
            f"{path} is one video, but {len(sources):,} files are to be annotated", "a folder", "Name one."
        )
    if not _is_moving(sources[0]):
        raise SettingError(f"{path} is a video, but {shown(str(sources[0]))} is an image", "a folder", "Name one.")


def _names(sources: Sequence[Path | str]) -> Iterator[str]:
    taken: set[str] = set()
    counts = Counter[str]()
    for source in sources:
        stem = stem_of(source) if is_address(source) else Path(source).stem
        suffix = ".webm" if _is_moving(source) else ".jpg"
        first = name = stem + suffix
        while _key(name) in taken:
            # Counts on from the last number: many files of the same name would otherwise take long.
            counts[_key(first)] += 1
            name = f"{stem}-{counts[_key(first)] + 1}{suffix}"
        taken.add(_key(name))
        yield name


def _is_moving(source: Path | str) -> bool:
    return is_video(source) or (not is_address(source) and is_animation(source))


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _identity(path: Path | str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)  # noqa: PTH116 (text and paths alike)
    except (OSError, ValueError):  # ValueError: a name with a NUL character
        return None
    return info.st_dev, info.st_ino
