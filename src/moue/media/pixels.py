"""Conversion to gray and 48x48: the single path from an image's pixels to the input of a model.

Training folders, evaluation, prediction and crops of detected faces all use it, so a model predicts faces that look
like those it was trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from moue.errors import MoueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESIZING: Final = "hamming"
"""How images are reduced, as model.json names it.

Each pixel of the result is a weighted average over the area that it covers. Of seven methods, this one preserves the
predictions best, for enlarged PublicTest faces and for photographs (benchmarks/resizing.py). Plain bilinear sampling
as in ``cv2.resize``, which the starting point uses, picks single pixels of a large face, with their noise.
"""

# Rec. 601 luma in 15-bit fixed point with the roundings of OpenCV's cvtColor.
_RED, _GREEN, _BLUE, _LUMA_BITS = 9798, 19235, 3735, 15
_REDUCING_GAP: Final = 3.0  # images that are many times too large are first averaged over whole blocks, which is fast


def to_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the Rec. 601 luma of RGB pixels, equal to ``cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)``.

    Args:
        image: uint8 (..., 3), red first, 0-255.

    Returns:
        uint8 (...).

    Raises:
        MoueError: the last axis is not 3 or the pixels are not uint8.
    """
    if image.dtype != np.uint8 or image.ndim == 0 or image.shape[-1] != 3:
        raise MoueError(f"an RGB image is {image.dtype} {image.shape}", "uint8 (..., 3)")
    red, green, blue = (image[..., channel].astype(np.int32) for channel in range(3))
    luma = red * _RED + green * _GREEN + blue * _BLUE + (1 << (_LUMA_BITS - 1))
    return (luma >> _LUMA_BITS).astype(np.uint8)


def resize(image: NDArray[np.uint8], size: tuple[int, int] = (48, 48)) -> NDArray[np.uint8]:
    """Return an image in another size.

    If either side shrinks, pixels are averaged with a Hamming window; otherwise they are interpolated linearly, within
    one gray level of ``cv2.resize``.

    Args:
        image: uint8 (H, W) or (H, W, 3), 0-255.
        size: (height, width) of the result.

    Returns:
        uint8 (height, width) or (height, width, 3); `image` itself if it has that size.

    Raises:
        MoueError: the image has no pixels, or they are not uint8.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise MoueError(f"an image is {image.dtype} {image.shape}", "uint8 (H, W) or (H, W, 3) with H, W of 1 or more")
    if image.shape[:2] == size:
        return image
    smaller = image.shape[0] > size[0] or image.shape[1] > size[1]
    filter_ = Image.Resampling.HAMMING if smaller else Image.Resampling.BILINEAR
    resized = Image.fromarray(np.ascontiguousarray(image)).resize(size[::-1], filter_, reducing_gap=_REDUCING_GAP)
    return np.asarray(resized)


def fit_gray(image: NDArray[np.uint8], size: tuple[int, int] = (48, 48)) -> NDArray[np.uint8]:
    """Return an image as a gray model's input, still uint8, so that many fit in memory.

    Colours are resized before they become gray: the result is the same within one level, and faster.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3) RGB, 0-255.
        size: (height, width) of the result.

    Returns:
        uint8 (height, width, 1), 0-255.

    Raises:
        MoueError: as `resize`.
    """
    small = _resized(image, size)
    return (small if small.ndim == 2 else to_gray(small))[..., None]


def fit_rgb(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image as a color model's input; a gray image gets three equal channels.

    Args:
        image: As `fit_gray`.
        size: (height, width) of the result.

    Returns:
        uint8 (height, width, 3), 0-255.

    Raises:
        MoueError: as `resize`.
    """
    small = _resized(image, size)
    return np.repeat(small[..., None], 3, axis=2) if small.ndim == 2 else small


def _resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W), (H, W, 1) or (H, W, 3) to (height, width) or (height, width, 3)."""
    return resize(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image, size)
