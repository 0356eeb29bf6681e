"""Writes an annotated video frame by frame; the frames written so far are kept however the run ends."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from PIL import ImageOps

from moue.drawing.draw import draw
from moue.errors import MoueError, SettingError
from moue.files import locked, refuse_existing, replacing
from moue.media.opencv import load_opencv, name_for_opencv
from moue.output.encoders import SUFFIXES, Encoder, open_encoder
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.recognition.frame_result import FrameResult

_MAX_PAUSE_S: Final = 10.0
# MPEG-4 has at most 65,535 time steps per second, and OpenCV rounds rates to thousandths: it fails beyond these.
_MIN_FPS, _MAX_FPS = 0.01, 60.0


class AnnotatedVideo:
    """A video with the predictions drawn on it; use it in a ``with``.

    It is written under a temporary name and gets its own when closed, also after an error or Ctrl-C: the frames
    written by then are a valid video. If frames are missing or late, the previous one is repeated, so that the video
    keeps the speed of its source; longer pauses are cut to 10 seconds.

    Args:
        path: ``.webm`` (VP8), ``.mp4`` (H.264 if PyAV is installed, otherwise MPEG-4 part 2) or ``.avi`` (Motion JPEG).
        fps: Frames per second, above 0. The file has at most 60; frames in between are left out.
        overwrite: Replace an existing file.
        bars: Draw bars of the probabilities, as for `draw`.
        labels: As for `draw`: "name", "emoji" or "both".
        sound: A file whose sound is copied to ``.webm`` and ``.mp4``, in sync with the frames, if PyAV is installed.

    Raises:
        MoueError: the suffix is unknown, or `path` exists and `overwrite` is false.
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float,
        overwrite: bool = False,
        bars: bool = True,
        labels: str = "name",
        sound: Path | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise SettingError(f"the video {path} has the suffix {self.path.suffix!r}", f"one of {', '.join(SUFFIXES)}")
        if not 0 < fps <= 1000:
            raise SettingError(f"fps is {fps}", "frames per second, above 0")
        refuse_existing(self.path, overwrite=overwrite)
        self.fps = min(max(fps, _MIN_FPS), _MAX_FPS)
        self.num_frames = 0
        self._overwrite, self._bars, self._labels = overwrite, bars, labels
        self._cv2 = load_opencv()
        self._stack = contextlib.ExitStack()
        self._sound = sound
        self._writer: Encoder | None = None
        self._size = (0, 0)
        self._temporary = self.path
        self._begin_s = 0.0
        self._last: NDArray[np.uint8] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, image: NDArray[np.uint8], result: FrameResult) -> None:
        """Draw a result on its frame and add it.

        Args:
            image: uint8 (H, W, 3) RGB, the frame.
            result: What was found in it; a frame that failed, whose size is 0, is shown unchanged.

        Raises:
            MoueError: the video cannot be written.
        """
        if not result.width:
            result = dataclasses.replace(result, width=image.shape[1], height=image.shape[0], faces=())
        drawing = draw(image, result, bars=self._bars, labels=self._labels)
        if self._writer is None:
            self._open(drawing.size, result.time_s or 0.0)
        if _even(drawing.size) != self._size:
            drawing = ImageOps.pad(drawing, self._size)
        drawing = drawing.crop((0, 0, *self._size))
        frame: NDArray[np.uint8] = self._cv2.cvtColor(np.asarray(drawing), self._cv2.COLOR_RGB2BGR)
        place = round(((result.time_s or 0.0) - self._begin_s) * self.fps)
        pause = place - self.num_frames if self._last is not None else 0
        excess = pause - round(_MAX_PAUSE_S * self.fps)
        if excess > 0:
            # All later frames move forward by the same time.
            self._begin_s += excess / self.fps
            place, pause = place - excess, pause - excess
        if self._last is not None:
            for _ in range(pause):
                self._write(self._last)
        # If two frames fall into the same place, the first one is shown.
        if place >= self.num_frames or self._last is None:
            self._write(frame)
        self._last = frame

    def close(self) -> None:
        """Complete the video and give it its name; a video without frames is not written.

        Raises:
            MoueError: the video could not be written.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            self._stack.close()
            return
        try:
            writer.close()
        except MoueError as failure:
            self._stack.__exit__(MoueError, failure, None)
            raise
        with silenced_stderr():
            # OpenCV does not report a full disk, but the video cannot be opened then.
            written = self._cv2.VideoCapture(name_for_opencv(self._temporary))
        is_valid = written.isOpened()
        written.release()
        if not is_valid:
            error = MoueError(f"writing {self.path} failed", "a video that can be opened again", "Is the disk full?")
            self._stack.__exit__(MoueError, error, None)
            raise error
        self._stack.close()

    def _open(self, size: tuple[int, int], begin_s: float) -> None:
        self._stack.enter_context(locked(self.path))
        self._temporary = self._stack.enter_context(replacing(self.path, overwrite=self._overwrite))
        self._size, self._begin_s = _even(size), begin_s
        try:
            self._writer = open_encoder(self._temporary, fps=self.fps, size=self._size, sound=self._sound)
        except MoueError as error:
            self._stack.__exit__(MoueError, error, None)
            raise

    def _write(self, frame: NDArray[np.uint8]) -> None:
        if self._writer is not None:
            self._writer.write(frame, self._begin_s)
            self.num_frames += 1


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size without an odd last row or column: the codecs store colours at half resolution."""
    return size[0] // 2 * 2, size[1] // 2 * 2
