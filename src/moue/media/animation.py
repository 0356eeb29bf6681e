"""Animated GIF, WebP and PNG, read by Pillow, which renders every frame as a browser does."""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from moue.media.decode import BACKGROUND
from moue.media.files import head_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES: Final = (".gif", ".webp", ".png", ".apng")
_FORMATS: Final = ("GIF", "WEBP", "PNG")
_DEFAULT_MS: Final = 100.0  # what browsers use if a file states 0 or nothing


def is_animation(path: str | Path) -> bool:
    """Return whether a file is an animation of two or more frames that can be treated as a video.

    Without OpenCV, which the extra ``video`` installs, it counts as an image: its first frame.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES or importlib.util.find_spec("cv2") is None:
        return False
    if not head_of(path):  # opening a named pipe would block forever
        return False
    try:
        with warnings.catch_warnings(), Image.open(path, formats=_FORMATS) as image:
            warnings.simplefilter("ignore")
            return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 (decoding it as an image will say what is wrong)
        return False


class AnimationCapture:
    """Gives the frames of an animation by the methods of OpenCV's ``VideoCapture``.

    Args:
        path: A file for which `is_animation` is true.
    """

    def __init__(self, path: Path) -> None:
        import cv2

        self._image = Image.open(path, formats=_FORMATS)
        with contextlib.suppress(Exception):  # WebP has its duration only after this; `grab` handles errors
            self._image.load()
        self._next, self._shown_ms, self._until_ms = 0, 0.0, 0.0
        self._values = {
            cv2.CAP_PROP_FPS: 1e3 / self._duration_ms(),
            cv2.CAP_PROP_FRAME_COUNT: float(getattr(self._image, "n_frames", 1)),
            cv2.CAP_PROP_FRAME_WIDTH: float(self._image.width),
            cv2.CAP_PROP_FRAME_HEIGHT: float(self._image.height),
        }

    def get(self, name: int) -> float:
        """Return a property; the default is the time of the current frame in milliseconds."""
        return self._values.get(name, self._shown_ms)

    def grab(self) -> bool:
        """Move to the next frame; return False at the end or if the file is damaged."""
        try:
            self._image.seek(self._next)
            self._image.load()
        except Exception:  # noqa: BLE001 (a damaged file raises anything)
            return False
        self._next += 1
        self._shown_ms = self._until_ms
        self._until_ms += self._duration_ms()
        return True

    def retrieve(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return whether there is a frame, and the frame, uint8 (H, W, 3) BGR; transparent pixels are white."""
        layer = self._image.convert("RGBA")
        frame = Image.new("RGB", layer.size, BACKGROUND)
        frame.paste(layer, mask=layer)
        return True, np.asarray(frame)[..., ::-1]

    def release(self) -> None:
        """Close the file."""
        self._image.close()

    def _duration_ms(self) -> float:
        value: Any = self._image.info.get("duration", 0)
        return float(value) if isinstance(value, int | float) and 0 < value < 1e7 else _DEFAULT_MS
