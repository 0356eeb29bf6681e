"""One generator of frames for every source: a video, a camera, a stream; always released."""

from __future__ import annotations

import dataclasses
import math
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from moue.errors import MoueError
from moue.media.animation import AnimationCapture, is_animation
from moue.media.clock import Clock, Sampling
from moue.media.containers import counts_frames, is_cut
from moue.media.decode import DEFAULT_LIMITS, Status
from moue.media.files import head_of
from moue.media.opencv import load_opencv, name_for_opencv
from moue.media.urls import is_address, shown
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from moue.media.decode import ImageLimits

    VideoSource: TypeAlias = str | os.PathLike[str] | int
    """The path of a video, the number of a camera, or the address of a stream."""

SCHEMES: Final = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps")
"""Addresses that are opened where the caller allows it."""

_TIMEOUT_MS: Final = 10_000
_USUAL_FPS: Final = 25.0
_MOST_NUMBER: Final = 2**31 - 1  # a number of a camera is a C int
# Containers say how many frames they hold only roughly; less than this is missing something.
_WHOLE, _WHOLE_FRAMES, _WHOLE_S = 0.98, 2, 0.5


class VideoError(MoueError):
    """A video, camera or stream is not available; `status` says why in the words of results."""

    def __init__(self, status: Status, came: str, expected: str = "", fix: str = "") -> None:
        super().__init__(came, expected, fix)
        self.status = status


@dataclasses.dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    Attributes:
        image: uint8 (H, W, 3) RGB, 0-255, upright.
        number: From 0; frames that were left out are counted.
        time_s: When it is shown, in seconds from the beginning.
        read_ms: Wall time of reading it, and those left out before it.
    """

    image: NDArray[np.uint8]
    number: int
    time_s: float
    read_ms: float


class Video:
    """An open video, camera or stream; make it with `open_video`, and close it or use it in a ``with``.

    Attributes:
        name: The path as given, the address without user name and password, or ``"camera 0"``.
        is_live: Whether frames come by the clock, as those of a camera, and not as fast as they are asked for.
        fps: Frames per second as the source says; 25 where it says nothing sensible.
        num_frames: How many frames there are, as far as the source says; None if unknown.
        width: Pixels of a frame as the source says; a video that is to be turned gives frames with the sides exchanged.
        height: As `width`.
        problem: After the last frame: why there is no further one, if it was not the end of the video; else empty.
        path: The file, if it is one that may have sound.
    """

    def __init__(
        self,
        capture: Any,  # noqa: ANN401 (OpenCV has no types)
        name: str,
        *,
        is_camera: bool,
        is_address: bool,
        path: Path | None = None,
    ) -> None:
        cv2 = load_opencv()
        self._capture = capture
        self.name = name
        self.fps = _sane_fps(capture.get(cv2.CAP_PROP_FPS))
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        known = not is_camera and math.isfinite(count) and 1 <= count < 1e9
        self.num_frames = int(count) if known else None
        self.is_live = is_camera or (is_address and not known)
        self.width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.problem = ""
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def duration_s(self) -> float | None:
        """How long the video is in seconds, as far as the source says; None if unknown."""
        return None if self.num_frames is None else self.num_frames / self.fps

    def close(self) -> None:
        """Release the video or the camera."""
        self._capture.release()

    def frames(self, sampling: Sampling | None = None) -> Generator[VideoFrame, None, None]:
        """Yield the wanted frames, in order; the source is always closed afterwards.

        Frames that are not wanted are not converted into pixels. From a live source, those that came while the caller
        was busy are skipped, so that each frame is fresh.

        Args:
            sampling: Which frames; None takes all of them.
        """
        sampling = sampling or Sampling()
        clock = Clock(self.fps, is_live=self.is_live)
        try:
            while True:
                began = time.perf_counter()
                if not self._advance(clock, sampling):
                    break
                image = self._pixels()
                if image is None:
                    self.problem = f"frame {clock.number} cannot be decoded"
                    break
                read_ms = 1e3 * (time.perf_counter() - began)
                asked = time.monotonic()
                yield VideoFrame(image, clock.number, clock.time_s, read_ms)
                clock.busy_s = time.monotonic() - asked
        finally:
            self.close()

    def _advance(self, clock: Clock, sampling: Sampling) -> bool:
        """Move to the next wanted frame; return whether there is one."""
        cv2 = load_opencv()
        late = clock.num_late()
        while True:
            began = time.monotonic()
            if not self._grab():
                # A part after the end of the video says nothing of it: the part that had the last frame does.
                self.problem = self._why_ended(clock) if clock.time_s >= sampling.start_s else ""
                return False
            clock.tick(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
            if clock.time_s >= sampling.end_s:
                return False
            # A camera that lets one wait has no older frames left.
            late = late - 1 if time.monotonic() - began < 0.5 / self.fps else 0
            if late <= 0 and clock.wants(sampling):
                return True

    def _grab(self) -> bool:
        try:
            return bool(self._capture.grab())
        except load_opencv().error:
            return False

    def _pixels(self) -> NDArray[np.uint8] | None:
        cv2 = load_opencv()
        try:
            fine, frame = self._capture.retrieve()
            if not fine or frame is None or not frame.size:
                return None
            image: NDArray[np.uint8] = cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB)
        except cv2.error:
            return None
        return image

    def _why_ended(self, clock: Clock) -> str:
        have = clock.number + 1
        if self.is_live:
            return f"no further image came after {have:,} frames"
        if self.num_frames is None or self.duration_s is None:
            return "" if have else "it holds no frame that can be decoded"
        if have and self.path is not None and not counts_frames(head_of(self.path)):
            return f"the file is cut off, {have:,} frames can be read" if is_cut(self.path) else ""
        few = have < _WHOLE * self.num_frames - _WHOLE_FRAMES
        if not have or (few and clock.time_s < _WHOLE * self.duration_s - _WHOLE_S):
            return f"it ends after {have:,} of {self.num_frames:,} frames"
        return ""


def open_video(source: VideoSource, *, allow_url: bool = False, limits: ImageLimits = DEFAULT_LIMITS) -> Video:
    """Open a video, a camera or a stream.

    Args:
        source: The path of any video that OpenCV reads, or of an animated GIF, WebP or PNG; the number of a camera; or
            an address (`SCHEMES`).
        allow_url: Whether an address may be opened; nothing is fetched otherwise.
        limits: Frames of more than `max_pixels` are refused; `max_bytes` does not concern videos.

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
    """Return what results call a source: an address without user name and password, which belong into no table."""
    if isinstance(source, int):
        return f"camera {source}"
    return shown(os.fspath(source))


def _open_camera(number: int) -> Video:
    cv2 = load_opencv()
    name = public_name(number)
    with silenced_stderr():
        capture = cv2.VideoCapture(number) if 0 <= number <= _MOST_NUMBER else None
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
            "a file: nothing is fetched without being asked for",
            "Allow it: allow_url=True, or --allow-url.",
        )
    cv2 = load_opencv()
    times = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    with silenced_stderr():
        # In bytes: letters that are none would end the process, see `name_for_opencv`.
        capture = cv2.VideoCapture(address.encode(errors="replace"), cv2.CAP_FFMPEG, times)
    if not capture.isOpened():
        raise VideoError(
            Status.UNREADABLE,
            f"{name} cannot be opened",
            "a video or stream that answers within 10 seconds",
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
    # The whole path: a name such as `concat:a` must not be taken for one of FFmpeg's protocols.
    with silenced_stderr():
        capture = cv2.VideoCapture(name_for_opencv(path.resolve()))
        # Phones record lying on their side and say so in the file.
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    if not capture.isOpened():
        raise VideoError(
            Status.UNREADABLE,
            f"{path} cannot be opened as a video",
            "a video that OpenCV reads, such as MP4, MOV, AVI, MKV or WebM",
            "It may be damaged or not copied to its end; else convert it, for example with ffmpeg.",
        )
    return Video(capture, name, is_camera=False, is_address=False, path=path)


def _sane_fps(fps: float) -> float:
    return fps if math.isfinite(fps) and 0.1 <= fps <= 1000 else _USUAL_FPS
