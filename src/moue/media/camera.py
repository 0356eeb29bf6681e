"""Opens a camera, with a helpful error if there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.errors import MissingExtraError, MoueError
from moue.media.open_video import open_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.media.video import Video

_DEVICES: Final = Path("/dev")
_MAX_DIGITS: Final = 20


def open_camera(source: str, *, allow_url: bool = False) -> Video:
    """Open a camera by its number, or a video or an address in its place.

    Args:
        source: ``"0"`` is the first camera; anything that is not a number is a path or an address.
        allow_url: Whether an address may be opened.

    Raises:
        MoueError: there is no such camera, or access is denied; otherwise as `open_video`.
        MissingExtraError: OpenCV is not installed.
    """
    # Text with more digits is not a camera number; int() raises for thousands of digits.
    if not (source.isascii() and source.isdigit() and len(source) <= _MAX_DIGITS):
        return open_video(source, allow_url=allow_url)
    number = int(source)
    try:
        return open_video(number)
    except MissingExtraError:
        raise
    except MoueError as error:
        raise MoueError(error.came, error.expected, advice(number)) from error


def advice(number: int, devices: Path = _DEVICES) -> str:
    """Return what may help if camera `number` cannot be opened; Linux shows its cameras as files in `devices`."""
    video = "A video can take its place: --source FILE."
    if not sys.platform.startswith("linux"):
        return f"Allow the terminal to use the camera in the system's settings, or try another one: --source 1. {video}"
    found = sorted(devices.glob("video[0-9]*"), key=lambda path: (len(path.name), path.name))
    wanted = devices / f"video{number}"
    if wanted in found and not os.access(wanted, os.R_OK | os.W_OK):
        return f"{wanted} may not be read by this user: sudo usermod -aG video $USER, then log in again."
    if wanted in found:
        others = _numbers([path for path in found if path != wanted])
        another = f" Or it is another one: {others}." if others else ""
        return f"{wanted} is there: does another program use it?{another} {video}"
    if found:
        return f"There is no {wanted}, but try {_numbers(found)}. {video}"
    return f"There is no {devices}/video*: plug a camera in; give a container --device {devices}/video0. {video}"


def _numbers(paths: Sequence[Path]) -> str:
    return " or ".join(f"--source {path.name.removeprefix('video')}" for path in paths)
