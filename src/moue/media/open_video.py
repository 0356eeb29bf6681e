"""`open_video`: a file, a camera or a stream, opened and checked, as a `Video`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from moue.errors import MoueError
from moue.media.animation import AnimationCapture, is_animation
from moue.media.decode import DEFAULT_LIMITS, Status
from moue.media.opencv import load_opencv, name_for_opencv
from moue.media.urls import is_address, shown
from moue.media.video import Video
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from moue.media.decode import ImageLimits

    VideoSource: TypeAlias = str | os.PathLike[str] | int
    """The path of a video, the number of a camera, or the address of a stream."""

SCHEMES: Final = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps")
"""Schemes of addresses that can be opened if the caller allows it."""

_TIMEOUT_MS: Final = 10_000
_MAX_NUMBER: Final = 2**31 - 1  # a camera number is a C int


class VideoError(MoueError):
    """A video, camera or stream is not available; `status` is the status for its result."""

    def __init__(self, status: Status, came: str, expected: str = "", fix: str = "") -> None:
        super().__init__(came, expected, fix)
        self.status = status


def open_video(source: VideoSource, *, allow_url: bool = False, limits: ImageLimits = DEFAULT_LIMITS) -> Video:
    """Open a video, a camera or a stream.

    Args:
        source: The path of any video that OpenCV reads, or of an animated GIF, WebP or PNG; the number of a camera; or
            an address (`SCHEMES`).
        allow_url: Whether an address may be opened; otherwise nothing is fetched.
        limits: Frames of more than `max_pixels` are refused; `max_bytes` does not apply to videos.

    Raises:
        VideoError: the source is missing, not allowed, cannot be opened, or its frames are too large.
        MissingExtraError: OpenCV is not installed.
    """
    if isinstance(source, bool) or not isinstance(source, int | str | os.PathLike):
        raise MoueError(f"the video is of type {type(source).__name__}", "a path, an address or the number of a camera")
    if isinstance(source, int):
        video = _open_camera(source)
    elif is_address(address := os.fspath(source)):
        video = _open_address(address, allowed=allow_url)
    else:
        video = _open_file(Path(source), address)
    if video.width * video.height > limits.max_pixels:
        video.close()
        raise VideoError(
            Status.TOO_LARGE,
            f"the frames of {video.name} have {video.width} x {video.height} pixels",
            f"at most {limits.max_pixels:,} in all",
            "Make the video smaller first.",
        )
    return video


def public_name(source: VideoSource) -> str:
    """Return the name of a source in results: an address without user name and password."""
    if isinstance(source, int):
        return f"camera {source}"
    return shown(os.fspath(source))


def _open_camera(number: int) -> Video:
    cv2 = load_opencv()
    name = public_name(number)
    with silenced_stderr():
        capture = cv2.VideoCapture(number) if 0 <= number <= _MAX_NUMBER else None
    if capture is None or not capture.isOpened():
        raise VideoError(
            Status.UNREADABLE,
            f"{name} cannot be opened",
            "a camera that is connected, and that no other program uses",
            "Cameras are numbered from 0; a container must be given the device.",
        )
    return Video(capture, name, is_camera=True, is_address=False)


def _open_address(address: str, *, allowed: bool) -> Video:
    name = public_name(address)
    if address.partition("://")[0].lower() not in SCHEMES:
        raise VideoError(
            Status.UNSUPPORTED,
            f"the address {name} cannot be opened",
            f"one of {', '.join(SCHEMES)}",
            "Give a file's path.",
        )
    if not allowed:
        raise VideoError(
            Status.UNSUPPORTED,
            f"{name} is an address",
            "a file; addresses are opened only if allowed",
            "Allow it: allow_url=True, or --allow-url.",
        )
    cv2 = load_opencv()
    times = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    with silenced_stderr():
        # As bytes: text that cannot be encoded would crash the process, see `name_for_opencv`.
        capture = cv2.VideoCapture(address.encode(errors="replace"), cv2.CAP_FFMPEG, times)
    if not capture.isOpened():
        raise VideoError(
            Status.UNREADABLE,
            f"{name} cannot be opened",
            "a video or stream that responds within 10 seconds",
            "Check the address.",
        )
    return Video(capture, name, is_camera=False, is_address=True)


def _open_file(path: Path, name: str) -> Video:
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise VideoError(Status.NOT_FOUND, f"{path} does not exist", "a video", "Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        reason = error.strerror if isinstance(error, OSError) else error
        raise VideoError(
            Status.UNREADABLE, f"{path} cannot be read: {reason}", "a video", "Check the path and its permissions."
        ) from error
    if not stat.S_ISREG(info.st_mode):
        raise VideoError(
            Status.UNSUPPORTED, f"{path} is not a regular file", "a video", "A camera is given by its number."
        )
    if not info.st_size:
        raise VideoError(Status.EMPTY, f"{path} has no content", "a video", "Copy it again.")
    cv2 = load_opencv()
    if is_animation(path):
        return Video(AnimationCapture(path), name, is_camera=False, is_address=False)
    # The absolute path: a name such as `concat:a` must not be mistaken for one of FFmpeg's protocols.
    with silenced_stderr():
        capture = cv2.VideoCapture(name_for_opencv(path.resolve()))
        # Phones record sideways and store the rotation in the file.
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    if not capture.isOpened():
        raise VideoError(
            Status.UNREADABLE,
            f"{path} cannot be opened as a video",
            "a video that OpenCV reads, such as MP4, MOV, AVI, MKV or WebM",
            "It may be damaged or incompletely copied; otherwise convert it, for example with ffmpeg.",
        )
    return Video(capture, name, is_camera=False, is_address=False, path=path)
