"""The content of the live window as one image: the mirrored camera with predictions, and a line of text below."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from PIL import Image, ImageDraw, ImageFont

from moue.drawing.draw import draw, save_drawing
from moue.errors import MoueError
from moue.media.decode import Status
from moue.media.opencv import load_opencv
from moue.recognition.image_result import ImageResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.recognition.face_result import FaceResult
    from moue.recognition.frame_result import FrameResult

    AnyFace = TypeVar("AnyFace", bound=FaceResult)

_KEYS: Final = (("q", "quit"), ("s", "save"), ("m", "mirror"), ("b", "bars"))
_BACK, _CAP, _INK, _DIM = (24, 24, 27), (63, 63, 70), (244, 244, 245), (161, 161, 170)
# Initial width of the window, unless the camera's image is wider: 640 pixels are small on a large screen.
_PART_OF_SCREEN: Final = 0.9
_PART_OF_WIDTH, _MIN_WIDTH, _MAX_WIDTH = 0.45, 640, 1280


@dataclasses.dataclass
class Screen:
    """Draws the content of the window; its two switches may be changed while it is in use.

    Attributes:
        mirror: Swap left and right, like a mirror; text stays readable.
        bars: Show the probabilities of all classes beside faces that are large enough.
    """

    mirror: bool = True
    bars: bool = True

    def compose(
        self,
        image: NDArray[np.uint8],
        result: FrameResult | None,
        size: tuple[int, int],
        notice: str = "",
        rates: str = "",
    ) -> Image.Image:
        """Return the whole content of a window.

        Args:
            image: uint8 RGB (H, W, 3).
            result: The newest result, of this frame or of an earlier one; None if there is none yet.
            size: Width and height of the window in pixels; the image keeps its aspect ratio.
            notice: The text below the image; empty shows the keys.
            rates: The text below the image on the right.
        """
        width, height = max(1, size[0]), max(1, size[1])
        below = line_height(width)
        inner = _fit(image.shape[1], image.shape[0], width, max(1, height - below))
        whole = Image.new("RGB", (width, height))
        corner = (width - inner[0]) // 2, max(0, height - below - inner[1]) // 2
        whole.paste(self._drawn(image, result, inner), corner)
        whole.paste(_line(width, notice, rates), (0, max(0, height - below)))
        return whole

    def drawn(self, image: NDArray[np.uint8], result: FrameResult) -> Image.Image:
        """Return a frame in full size with its predictions, mirrored if the screen is.

        Args:
            image: uint8 RGB (H, W, 3).
            result: The result of this frame.
        """
        return self._drawn(image, result, (image.shape[1], image.shape[0]))

    def _drawn(self, image: NDArray[np.uint8], result: FrameResult | None, size: tuple[int, int]) -> Image.Image:
        # OpenCV resizes and flips ten times as fast as Pillow.
        cv2 = load_opencv()
        shown = image
        if (image.shape[1], image.shape[0]) != size:
            smaller = size[0] < image.shape[1]
            shown = cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        if self.mirror:
            shown = cv2.flip(shown, 1)
        faces: Sequence[FaceResult] = () if result is None else result.faces
        if not faces or result is None:
            return Image.fromarray(shown)
        scale = size[0] / result.width, size[1] / result.height
        moved = tuple(_moved(face, scale, size[0] if self.mirror else None) for face in faces)
        scaled = ImageResult("", Status.OK, size[0], size[1], moved)
        drawn = draw(shown, scaled, bars=self.bars)
        # `draw` enlarges very small images.
        return drawn if drawn.size == size else drawn.resize(size, Image.Resampling.BOX)


def first_size(width: int, height: int, screen: tuple[int, int]) -> tuple[int, int]:
    """Return the initial size of the window, in pixels, for an image of `width` x `height` on a screen of that size."""
    largest = int(screen[0] * _PART_OF_SCREEN), int(screen[1] * _PART_OF_SCREEN)
    wanted = max(width, min(_MAX_WIDTH, max(_MIN_WIDTH, round(screen[0] * _PART_OF_WIDTH))))
    across = min(wanted, largest[0])
    inner = _fit(width, height, across, max(1, largest[1] - line_height(across)))
    return inner[0], inner[1] + line_height(inner[0])


def save_image(image: Image.Image, folder: Path) -> Path:
    """Write an image as ``moue-DATE-TIME.jpg`` and return its path; a number is added if the name is taken.

    Raises:
        MoueError: the folder cannot be written to.
    """
    stem = time.strftime("moue-%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        path = folder / (f"{stem}.jpg" if number == 1 else f"{stem}-{number}.jpg")
        if not path.exists():
            return save_drawing(image, path)
    raise MoueError(f"there are 999 images of one second in {folder}", "a name that is free")


def _fit(width: int, height: int, max_width: int, max_height: int) -> tuple[int, int]:
    scale = min(max_width / width, max_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _moved(face: AnyFace, scale: tuple[float, float], mirror_width: int | None) -> AnyFace:
    """Return a face at its place in the shown image; `mirror_width` is that image's width if it is mirrored."""
    x, y, width, height = face.box
    x, y, width, height = x * scale[0], y * scale[1], width * scale[0], height * scale[1]
    if mirror_width is not None:
        x = mirror_width - x - width
    changes: dict[str, Any] = {"box": (x, y, width, height), "landmarks": None}
    return dataclasses.replace(face, **changes)


def line_height(width: int) -> int:
    """Return the height in pixels of the line of text below the image, in a window of that width."""
    return 2 * _text_size(width) + 6


def _text_size(width: int) -> int:
    return min(22, max(12, round(width / 46)))


@functools.lru_cache(maxsize=4)
def _line(width: int, notice: str, rates: str) -> Image.Image:
    """Return the line of text: the keys or a notice, and the rates on the right."""
    size, height = _text_size(width), line_height(width)
    line = Image.new("RGB", (width, height), _BACK)
    pen, font = ImageDraw.Draw(line), ImageFont.load_default(size)
    x, middle = size * 0.8, height / 2
    for key, word in () if notice else _KEYS:
        cap = (x, middle - size * 0.75, x + size * 1.4, middle + size * 0.75)
        pen.rounded_rectangle(cap, radius=size * 0.3, fill=_CAP)
        pen.text((x + size * 0.7, middle), key, fill=_INK, font=font, anchor="mm")
        pen.text((x + size * 1.8, middle), word, fill=_DIM, font=font, anchor="lm")
        x += size * 3.0 + pen.textlength(word, font=font)
    if notice:
        pen.text((x, middle), notice, fill=_INK, font=font, anchor="lm")
        x += size + pen.textlength(notice, font=font)
    # If there is not enough room, the rates are left out.
    if x + pen.textlength(rates, font=font) + size * 0.8 <= width:
        pen.text((width - size * 0.8, middle), rates, fill=_DIM, font=font, anchor="rm")
    return line
