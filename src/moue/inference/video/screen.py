"""What the live window shows, as one picture: the mirrored camera with its answers, and a line of text below it."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from PIL import Image, ImageDraw, ImageFont

from moue.errors import MoueError
from moue.inference.drawing import draw, save_drawing
from moue.inference.images import Status
from moue.inference.results import FaceResult, ImageResult
from moue.inference.video.opencv import load_opencv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.inference.video.results import FrameResult

    AnyFace = TypeVar("AnyFace", bound=FaceResult)

HINT: Final = "q quit   s save   m mirror   b bars"
_LINE: Final = 30  # height of the line of text, in pixels
_TEXT_SIZE: Final = 14
_BACK, _INK, _DIM = (24, 24, 27), (235, 235, 235), (150, 150, 155)
_LEAST_FIRST: Final = 640  # a small camera picture is shown this large at first


@dataclasses.dataclass
class Screen:
    """Draws what is shown; its two switches may be changed while it is in use.

    Attributes:
        mirror: Swap left and right, as a mirror does; letters stay as they are.
        bars: Show the probabilities of all classes beside faces that are large enough.
    """

    mirror: bool = True
    bars: bool = True

    def compose(
        self,
        image: NDArray[np.uint8],
        result: FrameResult | None,
        size: tuple[int, int],
        texts: tuple[str, str],
    ) -> Image.Image:
        """Return the whole content of a window.

        Args:
            image: uint8 RGB (H, W, 3).
            result: The newest answers, of this frame or of one before it; None if there are none yet.
            size: Width and height of the window in pixels; the picture keeps its shape in it.
            texts: What stands below at the left and at the right.
        """
        width, height = max(1, size[0]), max(1, size[1])
        inner = _fit(image.shape[1], image.shape[0], width, max(1, height - _LINE))
        whole = Image.new("RGB", (width, height))
        whole.paste(
            self._drawn(image, result, inner), ((width - inner[0]) // 2, max(0, height - _LINE - inner[1]) // 2)
        )
        whole.paste(_line(width, texts), (0, max(0, height - _LINE)))
        return whole

    def drawn(self, image: NDArray[np.uint8], result: FrameResult) -> Image.Image:
        """Return a frame in its full size with its answers, mirrored if the screen is.

        Args:
            image: uint8 RGB (H, W, 3).
            result: The answers for this frame.
        """
        return self._drawn(image, result, (image.shape[1], image.shape[0]))

    def _drawn(self, image: NDArray[np.uint8], result: FrameResult | None, size: tuple[int, int]) -> Image.Image:
        # OpenCV does both ten times as fast as Pillow.
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
        answers = ImageResult("", Status.OK, size[0], size[1], moved)
        drawn = draw(shown, answers, bars=self.bars)
        # A very small window: `draw` enlarges such pictures.
        return drawn if drawn.size == size else drawn.resize(size, Image.Resampling.BOX)


def first_size(width: int, height: int, most: tuple[int, int]) -> tuple[int, int]:
    """Return how large a window opens for a picture of `width` x `height`, at most as large as `most`, in pixels."""
    scale = max(1.0, _LEAST_FIRST / max(width, height))
    inner = round(width * scale), round(height * scale)
    if inner[0] > most[0] or inner[1] + _LINE > most[1]:
        inner = _fit(width, height, most[0], max(1, most[1] - _LINE))
    return inner[0], inner[1] + _LINE


def save_picture(picture: Image.Image, folder: Path) -> Path:
    """Write a picture as ``moue-DATE-TIME.jpg`` and return its path; a number is added where the name is taken.

    Raises:
        MoueError: the folder cannot be written to.
    """
    stem = time.strftime("moue-%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        path = folder / (f"{stem}.jpg" if number == 1 else f"{stem}-{number}.jpg")
        if not path.exists():
            return save_drawing(picture, path)
    raise MoueError(f"there are 999 pictures of one second in {folder}", "a name that is free")


def _fit(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    scale = min(most_width / width, most_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _moved(face: AnyFace, scale: tuple[float, float], mirror_width: int | None) -> AnyFace:
    """Return a face in the picture as it is shown; `mirror_width` is that picture's width if it is mirrored."""
    x, y, width, height = face.box
    x, y, width, height = x * scale[0], y * scale[1], width * scale[0], height * scale[1]
    if mirror_width is not None:
        x = mirror_width - x - width
    changes: dict[str, Any] = {"box": (x, y, width, height), "landmarks": None}
    return dataclasses.replace(face, **changes)


def _line(width: int, texts: tuple[str, str]) -> Image.Image:
    line = Image.new("RGB", (width, _LINE), _BACK)
    pen = ImageDraw.Draw(line)
    font = ImageFont.load_default(_TEXT_SIZE)
    middle, edge = _LINE / 2, _TEXT_SIZE * 0.7
    right_width = pen.textlength(texts[1], font=font)
    pen.text((edge, middle), texts[0], fill=_INK, font=font, anchor="lm")
    # What does not fit is the less important.
    if edge * 3 + pen.textlength(texts[0], font=font) + right_width <= width:
        pen.text((width - edge, middle), texts[1], fill=_DIM, font=font, anchor="rm")
    return line
