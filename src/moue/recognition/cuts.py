"""Whether two frames show the same scene, and whether a face is still in its box in a later frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCENE_SIDE: Final = 24  # so small that a moving person changes few of the pixels
_BOX_SIDE: Final = 12
# Pearson's correlation of the gray values. Frames of one scene, a second apart, have 0.8 and more; those of two scenes
# have 0 on average, and more where both are bright in the middle.
_SAME_SCENE: Final = 0.5
_SAME_BOX: Final = 0.6
_FLAT: Final = 3.0  # gray levels of standard deviation below which there is nothing to compare
_SAME_LEVEL: Final = 24.0  # gray levels by which two flat images may differ


class CutFinder:
    """Finds hard cuts: the frame at which one scene is replaced by another."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def update(self, image: NDArray[np.uint8]) -> bool:
        """Return whether a new scene begins with this frame; False for the first one.

        Args:
            image: uint8 (H, W, 3) RGB, the next frame.
        """
        before, self._last = self._last, _small(Image.fromarray(image), _SCENE_SIDE)
        return before is not None and not _alike(before, self._last, _SAME_SCENE)


def still_there(before: NDArray[np.uint8], now: NDArray[np.uint8], box: tuple[float, float, float, float]) -> bool:
    """Return whether a box looks about the same in two frames, so that the earlier prediction still holds.

    Args:
        before: uint8 (H, W, 3) RGB, the earlier frame.
        now: uint8 of the same size, the later frame.
        box: (x, y, width, height) in pixels.
    """
    if before.shape != now.shape:
        return False
    if before is now:
        return True
    height, width = before.shape[:2]
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(width, int(box[0] + box[2]) + 1), min(height, int(box[1] + box[3]) + 1)
    if right <= left or bottom <= top:
        return False
    parts = (Image.fromarray(np.ascontiguousarray(frame[top:bottom, left:right])) for frame in (before, now))
    one, other = (_small(part, _BOX_SIDE) for part in parts)
    return _alike(one, other, _SAME_BOX)


def _small(image: Image.Image, side: int) -> NDArray[np.float32]:
    return np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX, reducing_gap=2.0), np.float32)


def _alike(one: NDArray[np.float32], other: NDArray[np.float32], min_correlation: float) -> bool:
    spread = float(one.std()), float(other.std())
    if min(spread) < _FLAT:
        return max(spread) < 2 * _FLAT and abs(float(one.mean() - other.mean())) < _SAME_LEVEL
    covariance = float(((one - one.mean()) * (other - other.mean())).mean())
    return covariance / (spread[0] * spread[1]) >= min_correlation
