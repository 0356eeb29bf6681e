"""Encoders that write frames to a video file: PyAV, which keeps the sound, or OpenCV, which does not."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from moue.errors import MoueError
from moue.files import cannot_write
from moue.media.opencv import load_opencv, name_for_opencv
from moue.output.sound import SoundTrack
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# OpenCV's own wheels have no encoder for H.264.
_OPENCV: Final = {".webm": "VP80", ".mp4": "mp4v", ".avi": "MJPG"}
_PYAV: Final = {".webm": ("libvpx", "libopus"), ".mp4": ("libx264", "aac")}
# Fast, with a quality that keeps small letters sharp.
_CODEC_OPTIONS: Final = {
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libx264": {"preset": "veryfast", "crf": "21"},
}
_BITS_PER_PIXEL: Final = 0.2  # VP8 needs a target bit rate
SUFFIXES: Final = tuple(_OPENCV)


class Encoder(Protocol):
    """Takes frames of one size, uint8 (H, W, 3) BGR, at a constant rate."""

    def write(self, frame: NDArray[np.uint8], begin_s: float) -> None:
        """Add a frame; `begin_s` is the time in the source at which the video begins, in seconds."""

    def close(self) -> None:
        """Complete the file."""


def keeps_sound(suffix: str) -> bool:
    """Return whether a video with this suffix can have sound, which needs PyAV."""
    return suffix.lower() in _PYAV and find_spec("av") is not None


def open_encoder(path: Path, *, fps: float, size: tuple[int, int], sound: Path | None = None) -> Encoder:
    """Return an encoder for a video.

    Args:
        path: The file; its suffix, one of `SUFFIXES`, chooses the codec.
        fps: Frames per second.
        size: Width and height of the frames, even numbers.
        sound: A file whose sound is copied, if PyAV is installed.

    Raises:
        MoueError: it cannot be written.
    """
    if keeps_sound(path.suffix):
        return PyavEncoder(path, fps=fps, size=size, sound=sound)
    return OpencvEncoder(path, fps=fps, size=size)


class OpencvEncoder:
    """VP8 in WebM, MPEG-4 part 2 in MP4, or Motion JPEG in AVI, without sound; arguments as for `open_encoder`."""

    def __init__(self, path: Path, *, fps: float, size: tuple[int, int]) -> None:
        cv2 = load_opencv()
        code = cv2.VideoWriter_fourcc(*_OPENCV[path.suffix.lower()])
        with silenced_stderr():
            self._writer = cv2.VideoWriter(name_for_opencv(path), code, fps, size)
        if not self._writer.isOpened():
            raise MoueError(f"OpenCV cannot write {path}", "an OpenCV with FFmpeg", "Install the extra 'video'.")

    def write(self, frame: NDArray[np.uint8], begin_s: float) -> None:  # noqa: ARG002 (for the sound)
        """Add a frame, uint8 (H, W, 3) BGR."""
        self._writer.write(frame)

    def close(self) -> None:
        """Complete the file; OpenCV does not report whether this worked."""
        with silenced_stderr():
            self._writer.release()


class PyavEncoder:
    """VP8 and Opus in WebM, or H.264 and AAC in MP4, which every browser plays; arguments as for `open_encoder`."""

    def __init__(self, path: Path, *, fps: float, size: tuple[int, int], sound: Path | None = None) -> None:
        import av

        codec, sound_codec = _PYAV[path.suffix.lower()]
        self._path, self._fps, self._num_frames = path, Fraction(round(fps * 1000), 1000), 0
        # Put the index of an MP4 first, so that a browser can start to play before it has the whole file.
        options = {"movflags": "faststart"} if path.suffix.lower() == ".mp4" else {}
        try:
            self._container = av.open(str(path), "w", options=options)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._stream = cast("Any", self._container.add_stream(codec, rate=self._fps, options=_CODEC_OPTIONS[codec]))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = 1 / self._fps
        if codec == "libvpx":
            self._stream.bit_rate = max(500_000, round(_BITS_PER_PIXEL * size[0] * size[1] * fps))
        self._sound = SoundTrack.open(sound, self._container, sound_codec) if sound is not None else None

    def write(self, frame: NDArray[np.uint8], begin_s: float) -> None:
        """Add a frame, uint8 (H, W, 3) BGR, and the sound up to its end."""
        import av

        av_frame = av.VideoFrame.from_ndarray(frame, format="bgr24")
        av_frame.pts, av_frame.time_base = self._num_frames, 1 / self._fps
        self._num_frames += 1
        try:
            self._container.mux(self._stream.encode(av_frame))
            if self._sound is not None:
                self._sound.write_until(float(self._num_frames / self._fps), begin_s)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Complete the file.

        Raises:
            MoueError: it cannot be written.
        """
        try:
            with contextlib.closing(self._container):
                self._container.mux(self._stream.encode(None))
                if self._sound is not None:
                    self._sound.close()
        except OSError as error:
            raise cannot_write(self._path, error) from error
