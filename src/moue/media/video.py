"""`Video`: one generator of frames for every source (video, camera or stream), which is always released."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any, Final, Self

from moue.media.clock import Clock, Sampling
from moue.media.containers import counts_frames, is_cut
from moue.media.files import head_of
from moue.media.opencv import load_opencv

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_DEFAULT_FPS: Final = 25.0
# Containers state their number of frames only roughly; fewer than this means that the file is incomplete.
_WHOLE, _WHOLE_FRAMES, _WHOLE_S = 0.98, 2, 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    Attributes:
        image: uint8 (H, W, 3) RGB, 0-255, upright.
        number: From 0; frames that were skipped are counted.
        time_s: When it is shown, in seconds from the beginning.
        read_ms: Wall time of reading it and the frames skipped before it.
    """

    image: NDArray[np.uint8]
    number: int
    time_s: float
    read_ms: float


class Video:
    """An open video, camera or stream; make it with `open_video`, and close it or use it in a ``with``.

    Attributes:
        name: The path as given, the address without user name and password, or ``"camera 0"``.
        is_live: Whether frames come in real time, like those of a camera, and not as fast as they are read.
        fps: Frames per second as the source states; 25 if it states nothing plausible.
        num_frames: The number of frames as the source states it; None if unknown.
        width: Pixels of a frame as the source states; a video that is rotated for display yields frames with the sides
            swapped.
        height: As `width`.
        problem: After the last frame, why there are no more, unless the video has ended normally; otherwise empty.
        path: The file, if it may have sound.
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
        """The length of the video in seconds, as the source states it; None if unknown."""
        return None if self.num_frames is None else self.num_frames / self.fps

    def close(self) -> None:
        """Release the video or the camera."""
        self._capture.release()

    def frames(self, sampling: Sampling | None = None) -> Generator[VideoFrame, None, None]:
        """Yield the wanted frames, in order; the source is always closed afterwards.

        Frames that are not wanted are not converted into pixels. Frames of a live source that came while the caller was
        busy are skipped, so each frame is fresh.

        Args:
            sampling: Which frames are wanted; None means all.
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
                yielded = time.monotonic()
                yield VideoFrame(image, clock.number, clock.time_s, read_ms)
                clock.busy_s = time.monotonic() - yielded
        finally:
            self.close()

    def _advance(self, clock: Clock, sampling: Sampling) -> bool:
        """Move to the next wanted frame; return whether there is one."""
        cv2 = load_opencv()
        late = clock.num_late()
        while True:
            began = time.monotonic()
            if not self._grab():
                # A part that starts after the end does not report it: the part with the last frame does.
                self.problem = self._why_ended(clock) if clock.time_s >= sampling.start_s else ""
                return False
            clock.tick(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
            if clock.time_s >= sampling.end_s:
                return False
            # If reading had to wait, the camera has no older frames left.
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
            success, frame = self._capture.retrieve()
            if not success or frame is None or not frame.size:
                return None
            image: NDArray[np.uint8] = cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB)
        except cv2.error:
            return None
        return image

    def _why_ended(self, clock: Clock) -> str:
        num_read = clock.number + 1
        if self.is_live:
            return f"no further image came after {num_read:,} frames"
        if self.num_frames is None or self.duration_s is None:
            return "" if num_read else "it holds no frame that can be decoded"
        if num_read and self.path is not None and not counts_frames(head_of(self.path)):
            return f"the file is cut off, {num_read:,} frames can be read" if is_cut(self.path) else ""
        few = num_read < _WHOLE * self.num_frames - _WHOLE_FRAMES
        if not num_read or (few and clock.time_s < _WHOLE * self.duration_s - _WHOLE_S):
            return f"it ends after {num_read:,} of {self.num_frames:,} frames"
        return ""


def _sane_fps(fps: float) -> float:
    return fps if math.isfinite(fps) and 0.1 <= fps <= 1000 else _DEFAULT_FPS
