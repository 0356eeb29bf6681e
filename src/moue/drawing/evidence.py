"""A face coloured by the evidence for and against a class.

The face keeps its lightness, so it stays readable; only the colour shows evidence. In OKLab, which is nearly uniform
perceptually, equal steps of evidence are equal steps of colour: orange for, blue against, gray for no evidence. The two
hues differ along the axis that nearly all kinds of colour vision share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SCALE: Final = 0.25
"""Minimum log-odds at the end of a scale, so that a face without strong evidence stays pale."""

_FOR, _AGAINST = np.deg2rad(52.0), np.deg2rad(255.0)  # hues in OKLab: orange and blue
_CHROMA: Final = 0.17
_DARK, _BRIGHT = 0.26, 0.87  # black and white cannot carry colour
_MARGIN: Final = 3  # cells; bicubic interpolation needs two beyond the border
_STRONG: Final = 0.5  # of the scale: outlined

# Björn Ottosson, https://bottosson.github.io/posts/oklab/ (public domain).
_TO_LMS: Final = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_TO_RGB: Final = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def color_face(
    face: NDArray[np.uint8], evidence: NDArray[np.floating], scale: float, *, shift: float = 0.0, outline: bool = True
) -> Image.Image:
    """Return a face coloured by its evidence.

    Args:
        face: uint8 (H, W), gray.
        evidence: float (h, w), above 0 for the class and below 0 against it; it is stretched over the face.
        scale: The evidence that gets full colour.
        shift: How far the evidence is to the right of and below an even tiling of the face, as a fraction of its side.
        outline: Draw a line where the evidence for the class reaches half of the scale.
    """
    size = (face.shape[1], face.shape[0])
    share = stretched(evidence / max(scale, 1e-9), size, shift)
    lightness = _DARK + (_BRIGHT - _DARK) * face.astype(np.float64) / 255
    rgb = colors_of(lightness, share)
    if outline and min(size) >= 2 * max(evidence.shape):
        strong = share >= _STRONG
        edge = strong & ~_eroded(strong, max(1, round(min(size) / 200)))
        rgb[edge] = (255, 255, 255)
    return Image.fromarray(rgb)


def colors_of(lightness: NDArray[Any], share: NDArray[Any]) -> NDArray[np.uint8]:
    """Return sRGB uint8 (..., 3) for OKLab lightness, 0-1, and evidence, -1 (against) to 1 (for)."""
    share = np.clip(share, -1, 1)
    chroma = _CHROMA * np.abs(share)
    hue = np.where(share >= 0, _FOR, _AGAINST)
    oklab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    lms = (oklab @ _TO_LMS.T) ** 3
    linear = np.clip(lms @ _TO_RGB.T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    whole: NDArray[np.uint8] = np.rint(255 * srgb).astype(np.uint8)
    return whole


def stretched(values: NDArray[np.floating], size: tuple[int, int], shift: float) -> NDArray[np.float64]:
    """Return values (h, w) resized smoothly to the size (W, H) and moved by `shift`; the border is repeated."""
    wide = Image.fromarray(np.pad(values, _MARGIN, mode="edge").astype(np.float32))
    height, width = values.shape
    x_scale, y_scale = width / size[0], height / size[1]
    affine = (x_scale, 0, _MARGIN - shift * width, 0, y_scale, _MARGIN - shift * height)
    return np.asarray(wide.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)).astype(np.float64)


def _eroded(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Return the mask without a border of `by` pixels."""
    wide = np.pad(mask, by, mode="edge")
    height, width = mask.shape
    parts = [wide[by + dy : by + dy + height, by + dx : by + dx + width] for dy in (-by, 0, by) for dx in (-by, 0, by)]
    result: NDArray[np.bool_] = np.logical_and.reduce(parts)
    return result
