"""Training faces degraded as a camera would degrade them: noise, motion blur, too few pixels.

These are three of the eleven corruptions with which `moue evaluate --robustness` tests a model
(`moue.evaluation.corruptions`), at a random strength for each face.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.evaluation.corruptions import line_kernel, smear
from moue.media.pixels import resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]

_NOISE: Final = (2, 36)  # standard deviation, gray levels
_MOTION: Final = (2, 9)  # length of the line, pixels of 48
_SIDE: Final = (14, 40)  # side of the downscaled face, pixels


def damage(pixels: Pixels, probability: float, rng: np.random.Generator) -> None:
    """Degrade some faces, in place, each in one of three ways.

    Args:
        pixels: Faces (B, H, W), 0-255; results may be slightly out of this range.
        probability: Probability that a face is degraded, 0-1.
        rng: The only source of randomness.
    """
    kinds = rng.integers(len(_KINDS), size=len(pixels))
    kinds[rng.random(len(pixels)) >= probability] = -1
    for number, kind in enumerate(_KINDS):
        chosen = np.flatnonzero(kinds == number)
        if len(chosen):
            pixels[chosen] = kind(pixels[chosen], rng)


def _noise(faces: Pixels, rng: np.random.Generator) -> Pixels:
    deviation = rng.uniform(*_NOISE, (len(faces), 1, 1)).astype(np.float32)
    return faces + deviation * rng.standard_normal(faces.shape, np.float32)


def _motion(faces: Pixels, rng: np.random.Generator) -> Pixels:
    lengths = rng.uniform(*_MOTION, len(faces))
    angles = rng.uniform(0, math.pi, len(faces))
    reach = math.ceil(_MOTION[1] / 2)
    kernels = [line_kernel(length, angle, reach) for length, angle in zip(lengths, angles, strict=True)]
    return smear(faces, np.stack(kernels))


def _fewer_pixels(faces: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = faces.shape[1:]
    result = np.empty_like(faces)
    for face, side, out in zip(faces, rng.integers(*_SIDE, len(faces), endpoint=True), result, strict=True):
        small = resize(np.clip(face, 0, 255).astype(np.uint8), (int(side), int(side)))
        out[:] = resize(small, (height, width))
    return result


_KINDS: Final[tuple[Callable[[Pixels, np.random.Generator], Pixels], ...]] = (_noise, _motion, _fewer_pixels)
